//! Logs control characters, as if another had said it.

use tidegate_hostile::{Result, attack, failure, log};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        log::write("warn", "fine\u{1b}[2J\r\n2026-01-01T00:00:00Z ERROR tidegate: evil\0\u{9b}31m\u{202e}");
        log::write("\u{1b}[2J", "a level of its own");
        Err(failure("it has logged"))
    }
}
