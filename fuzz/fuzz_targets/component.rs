//! Component bytes at the vetting door; what passes is compiled, described and thrown away.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidegate::config::StrategyRef;
use tidegate_fuzz::{engine, runtime};

static FILE: LazyLock<tempfile::TempPath> =
    LazyLock::new(|| tempfile::NamedTempFile::new().expect("a file").into_temp_path());

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("a file");
    let file = StrategyRef::File(FILE.to_path_buf());
    let inspected = engine().inspect(&file);
    if inspected.is_err() {
        return;
    }
    runtime().block_on(async {
        if let Ok(strategy) = engine().load(&file).await {
            let _ = strategy.describe().await;
        }
    });
});
