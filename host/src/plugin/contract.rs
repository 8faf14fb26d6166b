//! The contract of `wit/` as Rust types, made by wasmtime's macro.
//!
//! Calls that wait for the source or the sink, or that may compute for long, are async in the host; all others are plain
//! calls, which cost less.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "strategy",
    imports: {
        "tidegate:strategy/pages.fetch": async | trappable,
        "tidegate:strategy/pages.[static]pending.wait": async | trappable,
        "tidegate:strategy/records.upsert": async | trappable,
        "tidegate:strategy/records.update": async | trappable,
        "tidegate:strategy/records.delete": async | trappable,
        "tidegate:strategy/records.truncate": async | trappable,
        "tidegate:strategy/records.[method]batch.fingerprint": async | trappable,
        "tidegate:strategy/state.checkpoint": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "tidegate:strategy/pages.page": crate::http::Page,
        "tidegate:strategy/pages.pending": super::guest::Pending,
        "tidegate:strategy/records.batch": crate::model::Batch,
    },
});
