//! Logs a string that begins where its memory has ended.

use tidegate_hostile::{Result, attack, log};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        // SAFETY: there is none; nothing here reads it, and the host must notice.
        let message = unsafe { std::slice::from_raw_parts(0xffff_0000 as *const u8, 0x1_0000) };
        log::write("info", unsafe { std::str::from_utf8_unchecked(message) });
        Ok(())
    }
}
