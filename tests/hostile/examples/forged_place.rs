//! Says in the details of its error that it is about a line of a file of the user's, which would be shown.

use tidegate_hostile::{Error, Result, Table, attack};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        let place = [("file", "/etc/passwd"), ("line", "1"), ("column", "1")];
        let details = place.map(|(name, value)| (name.into(), value.into())).to_vec();
        Err(Error { code: "config.invalid".into(), message: "look here".into(), details })
    }
}
