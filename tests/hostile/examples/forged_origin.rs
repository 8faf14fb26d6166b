//! Says in the details of its error that the host has failed.

use tidegate_hostile::{Error, Result, attack};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let details = vec![("origin".into(), "host".into())];
        Err(Error { code: "plugin.odd".into(), message: "the machine is broken".into(), details })
    }
}
