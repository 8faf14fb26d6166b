//! Logs bytes that are no UTF-8.

use tidegate_hostile::{Result, attack, log};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        // SAFETY: nothing here reads it; the host must not trust it either.
        let message = unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe, b'x']) };
        log::write("info", &message);
        Ok(())
    }
}
