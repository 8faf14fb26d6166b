//! An API that answers 429.

use crate::support::{Api, ApiOptions, Workspace};

#[test]
fn a_source_that_limits_its_requests_is_read_all_the_same() {
    let api = Api::with(ApiOptions { burst: Some(2) });
    let workspace = Workspace::new();
    workspace.connection("users", "offset", &api.url(), &["page_size: 10"]);
    let report = workspace.sync("users.yaml", &[]);
    assert_eq!(report["inserted"], 200, "{report}");
    assert!(report["retries"].as_u64() > Some(0), "the limit was never met: {report}");
    assert_eq!(workspace.query("SELECT count(*) FROM user"), [["200"]]);
}
