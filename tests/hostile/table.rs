//! What each attack ends with.

use super::contents::Leaves::{self, Added, Fresh, State, Untouched};

/// An attack, and what must come of it.
pub(crate) struct Row<'a> {
    /// A source in `examples/` or `wat/`, or a name of `made`.
    pub(crate) program: &'static str,
    /// The strategy's configuration.
    pub(crate) config: &'a str,
    /// `done`, or the code and the sentence of the error; the program's path is called `it`.
    pub(crate) ends: &'static str,
    /// What is in the destination afterwards.
    pub(crate) leaves: Leaves,
}

const fn row(program: &'static str, ends: &'static str) -> Row<'static> {
    Row { program, config: "{}", ends, leaves: Untouched }
}

const fn with(config: &'static str, row: Row<'static>) -> Row<'static> {
    Row { config, ..row }
}

const fn leaving(leaves: Leaves, row: Row<'static>) -> Row<'static> {
    Row { leaves, ..row }
}

/// Grouped by what is attacked.
pub(crate) const TABLE: &[Row<'static>] = &[
    // Time
    row(
        "spin_in_sync",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "spin_in_describe",
        "[limit.busy] limit: it was stopped in `describe`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "spin_in_schema",
        "[limit.busy] limit: it was stopped in `schema`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "spin_in_migrate",
        "[limit.busy] limit: it was stopped in `migrate-state`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "spin_in_start",
        "[limit.busy] limit: it was stopped in its start: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "spin_in_realloc",
        "[limit.busy] limit: it was stopped in `schema`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "spin_in_post_return",
        "[limit.busy] limit: it was stopped in `describe`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row("held_for_ever", "[limit.run_timeout] limit: the run took longer than 1 s and was stopped"),
    row(
        "computing_host",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "fingerprint_of_many_fields",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    with(
        r#"{"more":true}"#,
        row(
            "fingerprint_of_many_fields",
            "[limit.columns] limit: it was stopped in `sync`: a fingerprint of 2001 fields asked for, more than 2000",
        ),
    ),
    row(
        "schema_of_config_exponential",
        "[plugin.schema] plugin: the schema of the strategy's configuration is unusable: a check would take more than 100000 steps",
    ),
    // Memory and stack
    row(
        "memory_growth",
        "[limit.memory] limit: it was stopped in `sync`: 17891328 bytes of memory asked for, more than 16777216",
    ),
    row(
        "memory_declared",
        "[plugin.refused] plugin: it: the compiled component cannot be loaded: module memory does not fit in pooling allocator requirements: memory index 0 is unsupported in this pooling allocator configuration: memory has a minimum byte size of 65536000 which exceeds the limit of 0x1000000 bytes",
    ),
    row(
        "many_memories",
        "[plugin.refused] plugin: it: the compiled component cannot be loaded: module memory does not fit in pooling allocator requirements: defined memories count of 9 exceeds the per-instance limit of 1",
    ),
    row(
        "many_instances",
        "[plugin.refused] plugin: it: the component cannot be compiled: failed to parse WebAssembly module: instances count exceeds limit of 1000 (at offset 0x42)",
    ),
    row(
        "table_growth",
        "[limit.table_elements] limit: it was stopped in `describe`: 10001 table elements asked for, more than 10000",
    ),
    row(
        "table_declared",
        "[plugin.refused] plugin: it: the compiled component cannot be loaded: module table does not fit in pooling allocator requirements: table index 0 has a minimum element size of 1000000 which exceeds the limit of 10000",
    ),
    row(
        "deep_recursion",
        "[plugin.trap] plugin: it broke off in `sync` in the function `deep_recursion::deeper`: wasm trap: call stack exhausted",
    ),
    row(
        "realloc_grows",
        "[limit.memory] limit: it was stopped in `schema`: 16842752 bytes of memory asked for, more than 16777216",
    ),
    row(
        "hoard_of_batches",
        "[limit.held_bytes] limit: it was stopped in `sync`: 67111904 bytes of pages and batches held by handles, more than 67108864",
    ),
    row(
        "hoard_of_pages",
        "[limit.held_bytes] limit: it was stopped in `sync`: 69730656 bytes of pages and batches held by handles, more than 67108864",
    ),
    row(
        "begin_with_bodies",
        "[limit.request_bytes] limit: the strategy makes a request of 5242889 bytes, more than 1048576",
    ),
    // What crosses the boundary
    row(
        "huge_string_to_host",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "amplified_list_to_host",
        "[limit.call_bytes] limit: it was stopped in `sync`: more than 16777216 bytes of text and lists in one call",
    ),
    row(
        "amplified_list_from_describe",
        "[limit.description_bytes] limit: it was stopped in `describe`: more than 1048576 bytes of text and lists in one call",
    ),
    row("list_of_lists_to_host", "done"),
    row(
        "huge_list_to_guest",
        "[limit.memory] limit: it was stopped in `sync`: 64159744 bytes of memory asked for, more than 16777216",
    ),
    row(
        "huge_body_to_guest",
        "[limit.memory] limit: it was stopped in `sync`: 64159744 bytes of memory asked for, more than 16777216",
    ),
    row(
        "invalid_utf8",
        "[plugin.trap] plugin: it broke off in `sync` in the function `tidegate_hostile::bindings::tidegate::strategy::log::write`: invalid utf-8 sequence of 1 bytes from index 0",
    ),
    row(
        "invalid_utf8_from_describe",
        "[plugin.trap] plugin: it broke off in `describe`: invalid utf-8 sequence of 1 bytes from index 0",
    ),
    row(
        "string_out_of_bounds",
        "[plugin.trap] plugin: it broke off in `sync` in the function `tidegate_hostile::bindings::tidegate::strategy::log::write`: string pointer/length out of bounds of memory",
    ),
    row(
        "realloc_out_of_bounds",
        "[plugin.trap] plugin: it broke off in `schema`: realloc return: beyond end of memory",
    ),
    row("result_out_of_bounds", "[plugin.trap] plugin: it broke off in `describe`: pointer out of bounds of memory"),
    row("result_unaligned", "[plugin.trap] plugin: it broke off in `describe`: return pointer not aligned"),
    row("result_of_no_case", "[plugin.trap] plugin: it broke off in `schema`: invalid expected discriminant"),
    row(
        "result_of_four_gigabytes",
        "[plugin.trap] plugin: it broke off in `describe`: string pointer/length out of bounds of memory",
    ),
    row(
        "call_in_realloc",
        "[plugin.trap] plugin: it broke off in `schema`: wasm trap: cannot leave component instance",
    ),
    row(
        "odd_arguments",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row("lying_json", "[attack.ended] plugin: all 11 were refused"),
    // Handles
    row("handle_leak", "[limit.handles] limit: it was stopped in `sync`: more than 1000 handles"),
    row(
        "handle_forged",
        "[plugin.trap] plugin: it broke off in `sync` in the function `tidegate_hostile::bindings::tidegate::strategy::records::Batch::len`: unknown handle index 4711",
    ),
    row(
        "handle_stale",
        "[plugin.trap] plugin: it broke off in `sync` in the function `tidegate_hostile::bindings::tidegate::strategy::records::Batch::len`: unknown handle index 1",
    ),
    row(
        "handle_of_another_kind",
        "[plugin.trap] plugin: it broke off in `sync` in the function `tidegate_hostile::bindings::tidegate::strategy::records::upsert`: handle index 1 used with the wrong type, expected guest-defined resource but found a different guest-defined resource",
    ),
    row(
        "handle_of_another_call",
        "[plugin.trap] plugin: it broke off in `sync` in the function `tidegate_hostile::bindings::tidegate::strategy::records::Batch::len`: unknown handle index 1",
    ),
    row(
        "handle_dropped_twice",
        "[plugin.trap] plugin: it broke off in `sync` in the function `sync`: unknown handle index 1",
    ),
    row(
        "waits_twice",
        "[plugin.trap] plugin: it broke off in `sync` in the function `tidegate_hostile::bindings::tidegate::strategy::pages::Pending::wait`: unknown handle index 1",
    ),
    // Storms
    row(
        "clock_storm",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "log_storm",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "get_storm",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row(
        "column_storm",
        "[limit.busy] limit: it was stopped in `sync`: 0.2 s of computing without fetching, staging or sealing",
    ),
    row("request_storm", "[limit.requests] limit: GET /users: the run has sent 300 requests, and may send no more"),
    row(
        "same_request_storm",
        "[limit.no_progress] limit: the strategy has sent `GET /users` 100 times and got the same answer each time",
    ),
    row(
        "begin_without_wait",
        "[limit.pending] limit: it was stopped in `sync`: more than 100 requests begun and not waited for",
    ),
    row("begin_and_drop", "[limit.requests] limit: GET /never: the run has sent 300 requests, and may send no more"),
    leaving(
        State(r#"{"number":99999}"#),
        row(
            "checkpoint_storm",
            "[limit.no_progress] limit: the strategy has staged and sealed 100000 times without asking for anything",
        ),
    ),
    // State
    row("state_bomb", "[plugin.state] plugin: the strategy's state has 1048576 bytes, more than 65536"),
    row(
        "state_bomb_from_migrate",
        "[limit.description_bytes] limit: it was stopped in `migrate-state`: more than 1048576 bytes of text and lists in one call",
    ),
    leaving(State("]]> '; DROP TABLE user; -- \u{1b}[2J\0"), row("state_is_no_json", "done")),
    leaving(
        State("fro"),
        row("state_oscillates", "[limit.no_progress] limit: the strategy has come back 100 times to the state to"),
    ),
    leaving(
        State(r#"{"id":10}"#),
        row("state_backward", "[plugin.backward] plugin: `/id` of the state went from 10 back to 9"),
    ),
    leaving(
        State(r#"{"read":"all"}"#),
        row(
            "checkpoint_before_upsert",
            "[plugin.unsealed] plugin: the strategy returned with 1 staged changes after its last checkpoint",
        ),
    ),
    // Records and tables
    row(
        "billion_records",
        "[limit.unsealed_bytes] limit: the strategy has staged 34075337 bytes without a checkpoint, more than 33554432",
    ),
    row(
        "same_record_for_ever",
        "[limit.no_progress] limit: the strategy has staged the very same 1 records 10000 times",
    ),
    row("gigantic_record", "[limit.record_bytes] limit: a record of `user` has 62914585 bytes, more than 16777216"),
    leaving(
        Fresh(&[]),
        row(
            "hundred_thousand_columns",
            "[limit.description_bytes] limit: it was stopped in `schema`: more than 1048576 bytes of text and lists in one call",
        ),
    ),
    row("hundred_thousand_fields", "[limit.columns] limit: the records of `user` have 60001 columns, more than 2000"),
    leaving(
        Fresh(&[]),
        row(
            "hundred_thousand_tables",
            "[limit.description_bytes] limit: it was stopped in `schema`: more than 1048576 bytes of text and lists in one call",
        ),
    ),
    row("undeclared_table", "[plugin.table] plugin: the strategy wrote to `payroll`, but declared only `user`"),
    row("swallowed_error", "[plugin.table] plugin: the strategy wrote to `payroll`, but declared only `user`"),
    leaving(Fresh(&["\"; DROP TABLE user; --"]), row("odd_table_name", "done")),
    leaving(
        Fresh(&[]),
        row(
            "table_of_the_host",
            "[sink.rejected] sink: table `_tidegate_state`: names that begin with `sqlite_` or `_tidegate_` are reserved",
        ),
    ),
    leaving(
        Fresh(&[]),
        row(
            "table_of_the_database",
            "[sink.rejected] sink: table `sqlite_master`: names that begin with `sqlite_` or `_tidegate_` are reserved",
        ),
    ),
    leaving(Fresh(&[]), row("table_without_name", "[sink.rejected] sink: table ``: the name is empty")),
    leaving(
        Fresh(&[]),
        row("table_name_with_nul", "[sink.rejected] sink: table `user\\u{0}evil`: the name has a NUL character"),
    ),
    leaving(
        Fresh(&[]),
        row("table_twice", "[sink.rejected] sink: SQLite cannot tell the tables `orders` and `ORDERS` apart"),
    ),
    row(
        "key_undeclared",
        "[sink.rejected] sink: table `user`: `id` is in the primary key, and a record lacks it: {\"name\":\"evil\"}",
    ),
    row(
        "unknown_kind",
        "[plugin.table] plugin: column `a\\u{1b}[2Jb` of table `user`: `STRING\\u{1b}[2J\\r\\n` is no column type; the types are BOOLEAN, SHORT, INT, LONG, DECIMAL, FLOAT, DOUBLE, NAIVE_DATE, NAIVE_TIME, NAIVE_DATETIME, UTC_DATETIME, BINARY, XML, STRING, JSON",
    ),
    // Breaking off
    row(
        "trap_after_staging",
        "[plugin.trap] plugin: it broke off in `sync` in the function `sync`: wasm trap: wasm `unreachable` instruction executed",
    ),
    row(
        "truncate_and_trap",
        "[plugin.trap] plugin: it broke off in `sync` in the function `sync`: wasm trap: wasm `unreachable` instruction executed",
    ),
    leaving(
        Added(&["3"], r#"{"answer":42}"#),
        row(
            "trap_after_seal",
            "[plugin.trap] plugin: it broke off in `sync` in the function `sync`: wasm trap: wasm `unreachable` instruction executed",
        ),
    ),
    row(
        "trap_in_start",
        "[plugin.trap] plugin: it broke off in its start in the function `trap`: wasm trap: wasm `unreachable` instruction executed",
    ),
    // Requests
    row("smuggled_headers", "[attack.ended] plugin: all 24 were refused"),
    row("wandering_paths", "[attack.ended] plugin: all 30 were refused"),
    row("odd_methods", "[attack.ended] plugin: all 16 were refused"),
    row(
        "fetch_in_schema",
        "[plugin.trap] plugin: it broke off in `schema` in the function `tidegate_hostile::bindings::tidegate::strategy::pages::fetch`: only `sync` may call this function of the host",
    ),
    // What it says of itself
    with(r#"{"code":"limit.requests"}"#, row("forged_codes", "[limit.requests] plugin: nothing happened")),
    with(r#"{"code":"source.retry-later"}"#, row("forged_codes", "[source.retry-later] source: nothing happened")),
    with(r#"{"code":"source.credentials"}"#, row("forged_codes", "[source.credentials] plugin: nothing happened")),
    with(r#"{"code":"source.unreachable"}"#, row("forged_codes", "[source.unreachable] plugin: nothing happened")),
    with(r#"{"code":"run.interrupted"}"#, row("forged_codes", "[run.interrupted] plugin: nothing happened")),
    with(r#"{"code":"host.failed"}"#, row("forged_codes", "[host.failed] plugin: nothing happened")),
    with(r#"{"code":"sink.fenced"}"#, row("forged_codes", "[sink.fenced] plugin: nothing happened")),
    with(r#"{"code":"config.invalid"}"#, row("forged_codes", "[config.invalid] configuration: nothing happened")),
    with(r#"{"code":"state.invalid"}"#, row("forged_codes", "[state.invalid] state: nothing happened")),
    with(r#"{"code":""}"#, row("forged_codes", "[] plugin: nothing happened")),
    with(r#"{"code":"limit"}"#, row("forged_codes", "[limit] plugin: nothing happened")),
    row("forged_origin", "[plugin.odd] plugin: the machine is broken"),
    row("forged_kept", "[plugin.odd] plugin: it went well"),
    row(
        "control_characters_in_error",
        "[plugin.\\u{1b}[2J\\u{1b}]0;evil\\u{7}\\r\\u{8}\\u{9b}31m\\u{0}evil] plugin: \\u{1b}[2J\\u{1b}]0;evil\\u{7}\\r\\u{8}\\u{9b}31m\\u{0}evil\\nerror: all is well",
    ),
    row(
        "control_characters_in_last_words",
        "[plugin.trap] plugin: it broke off in `sync` in the function `sync`: wasm trap: wasm `unreachable` instruction executed; it says:  [2J ]0;evil    evil 31m",
    ),
    row("control_characters_in_log", "[attack.ended] plugin: it has logged"),
    row(
        "control_characters_in_manifest",
        "[plugin.refused] plugin: the strategy needs `evil\\u{1b}[2J\\r\\n\\u{0}\\u{9b}31m`, which this host does not have",
    ),
    row(
        "control_characters_in_table",
        "[plugin.table] plugin: the strategy wrote to `evil\\u{1b}[2J\\r\\n\\u{0}\\u{9b}31m`, but declared only `user`",
    ),
    leaving(
        State("{}"),
        row(
            "control_characters_in_state",
            "[limit.no_progress] limit: the strategy has come back 100 times to the state evil\\u{1b}[2J\\r\\n\\u{0}\\u{9b}31m",
        ),
    ),
    leaving(
        Fresh(&["evil\u{1b}[2J\r\nerror: all is well\u{9b}31m\u{202e}"]),
        row("control_characters_in_names", "done"),
    ),
    row(
        "names_with_control_characters",
        "[plugin.trap] plugin: it broke off in `describe` in the function `evil\\u{1b}[2J\\r\\nerror: all is well`: wasm trap: wasm `unreachable` instruction executed",
    ),
    row(
        "schema_of_config_no_json",
        "[plugin.schema] plugin: the schema of the strategy's configuration is unusable: no JSON",
    ),
    row(
        "schema_of_config_deep",
        "[limit.description_bytes] limit: it was stopped in `describe`: more than 1048576 bytes of text and lists in one call",
    ),
    leaving(State(r#"{"read":"all"}"#), row("schema_of_config_circular", "done")),
    with(
        r#"{"a":{"b":{"c":1}}}"#,
        row(
            "schema_of_config_forking",
            "[plugin.schema] plugin: the schema of the strategy's configuration is unusable: a check would take more than 100000 steps",
        ),
    ),
    with(
        r#"{"a":1}"#,
        row(
            "schema_of_config_patterns",
            "[plugin.schema] plugin: the schema of the strategy's configuration is unusable: a check would take more than 100000 steps",
        ),
    ),
    row(
        "schema_of_config_elsewhere",
        "[plugin.schema] plugin: the schema of the strategy's configuration is unusable: it refers to `file:///etc/passwd`; only pointers such as `#/$defs/name` are followed",
    ),
    row(
        "schema_of_config_chain",
        "[plugin.schema] plugin: the schema of the strategy's configuration is unusable: more than 32 references lead from one to the next",
    ),
    row("forged_place", "[config.invalid] configuration: look here"),
    with(r#"{"script":""}"#, row("puppet", "done")),
    row("unknown_need", "[plugin.refused] plugin: the strategy needs `root`, which this host does not have"),
    row(
        "seal_in_schema",
        "[plugin.trap] plugin: it broke off in `schema` in the function `tidegate_hostile::bindings::tidegate::strategy::state::checkpoint`: only `sync` may call this function of the host",
    ),
    row(
        "time_in_describe",
        "[plugin.trap] plugin: it broke off in `describe` in the function `tidegate_hostile::bindings::tidegate::strategy::clock::now`: only `sync` may call this function of the host",
    ),
    row("timing_probe", "[attack.ended] plugin: the clock stands still for many questions, and began in 2001"),
    // Files
    row("empty_file", "[plugin.refused] plugin: it: not WebAssembly: the file does not begin with `\\0asm`"),
    row("script", "[plugin.refused] plugin: it: not WebAssembly: the file does not begin with `\\0asm`"),
    row("native_code", "[plugin.refused] plugin: it: not WebAssembly: the file does not begin with `\\0asm`"),
    row("core_module", "[plugin.refused] plugin: it: a core WebAssembly module, not a component"),
    row(
        "header_alone",
        "[plugin.refused] plugin: it: the component is no strategy: it does not export `describe`, `schema`, `sync`, `migrate-state`",
    ),
    row(
        "header_of_another_format",
        "[plugin.refused] plugin: it: not a valid component: unknown binary version: 0xffffffff at byte 4",
    ),
    row(
        "no_exports",
        "[plugin.refused] plugin: it: the component is no strategy: it does not export `describe`, `schema`, `sync`, `migrate-state`",
    ),
    row(
        "other_types",
        "[plugin.refused] plugin: it: the component does not fit the contract: type-checking export func `describe`: expected 1-tuple, found 0-tuple",
    ),
    row(
        "undeclared_import",
        "[plugin.refused] plugin: it: the component imports `wasi:filesystem/types@0.2.0`, which a strategy may not have",
    ),
    row(
        "undeclared_function",
        "[plugin.refused] plugin: it: the component does not fit the contract: component imports instance `tidegate:strategy/log@0.1.0`, but a matching implementation was not found in the linker: instance export `shell` has the wrong type: function implementation is missing",
    ),
    row(
        "unknown_interface",
        "[plugin.refused] plugin: it: the component imports `tidegate:strategy/shell@0.1.0`, which this host does not have",
    ),
    row("earlier_contract", "[plugin.refused] plugin: it: built for tidegate:strategy 0.0.9, but this host runs 0.1.0"),
    row("later_contract", "[plugin.refused] plugin: it: built for tidegate:strategy 0.3.0, but this host runs 0.1.0"),
    row(
        "later_contract_whole",
        "[plugin.refused] plugin: it: built for tidegate:strategy 0.9.0, but this host runs 0.1.0",
    ),
    row(
        "import_with_control_characters",
        "[plugin.refused] plugin: it: the component imports `tidegate:strategy/\\u{1b}[2J\\n@0.1.0`, which this host does not have",
    ),
    row("too_large", "[limit.component_bytes] limit: `it` has 9473925 bytes; a component may have 8388608"),
    row("nested_components", "[limit.component] plugin: it: components lie within each other more than 16 levels deep"),
    row(
        "exponential_type",
        "[plugin.refused] plugin: it: the component cannot be compiled: failed to parse WebAssembly module: effective type size exceeds the limit of 1000000 (at offset 0x92)",
    ),
    row("compile_bomb_one_function", "[limit.compile] limit: it: compiling took more than 1 s of processor time"),
    row("compile_bomb_many_functions", "[limit.compile] limit: it: compiling took more than 1 s of processor time"),
    row(
        "compile_bomb_many_locals",
        "[plugin.refused] plugin: it: the component cannot be compiled: failed to compile: wasm[0]::function[1]: WebAssembly translation error: Invalid input WebAssembly code at offset 50: too many locals: locals exceed maximum",
    ),
    // No attack
    row("honest", "done"),
];
