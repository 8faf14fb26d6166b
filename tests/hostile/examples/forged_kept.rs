//! Says in the details of its error that a thousand rows were kept.

use tidegate_hostile::{Error, Result, attack};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let details = vec![("kept".into(), "1000 rows up to the last checkpoint".into())];
        Err(Error { code: "plugin.odd".into(), message: "it went well".into(), details })
    }
}
