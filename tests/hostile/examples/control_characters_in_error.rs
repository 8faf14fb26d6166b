//! Returns an error full of control characters.

use tidegate_hostile::{Error, Result, attack};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let dark = "\u{1b}[2J\u{1b}]0;evil\u{7}\r\u{8}\u{9b}31m\0evil".to_owned();
        let details = ["help", "kept", "status", &dark].map(|name| (name.to_owned(), dark.clone())).to_vec();
        Err(Error { code: format!("plugin.{dark}"), message: format!("{dark}\nerror: all is well"), details })
    }
}
