//! Has last words full of control characters.

use tidegate_hostile::{Result, attack, log};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        log::write("error", "\u{1b}[2J\u{1b}]0;evil\u{7}\r\n\0evil\u{9b}31m");
        std::process::abort()
    }
}
