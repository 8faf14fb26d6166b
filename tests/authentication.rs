//! The API's five authentication kinds, used by the host; and what a wrong credential looks like.

use crate::support::{Api, Workspace};

/// A connection that reads an endpoint of twenty records behind a lock.
fn connection(workspace: &Workspace, api: &Api, path: &str, auth: &str) {
    let base_url = api.url();
    workspace.file(
        "locked.yaml",
        format!(
            "strategy: timestamp\nsource:\n  base_url: {base_url}\n  allow_private_addresses: true\n  auth:\n{auth}\
             config:\n  path: {path}\n  page_cap: none\ndestination:\n  type: sqlite\n  path: test.db\n"
        ),
    );
}

/// Syncs with secrets in the environment; returns the exit code and all that was printed.
fn sync(workspace: &Workspace, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = workspace.command(&["sync", "locked.yaml"]);
    command.envs(environment.iter().copied());
    let output = command.output().expect("the program starts");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
}

#[test]
fn every_kind_opens_its_endpoint_and_shows_no_secret() {
    let api = Api::start();
    let secret = |name: &str| api.credential(name).to_owned();
    let cases = [
        (
            "/auth/http_basic",
            "    type: basic\n    username: ${NAME}\n    password: ${SECRET}\n",
            secret("HTTP_BASIC_USERNAME"),
            secret("HTTP_BASIC_PASSWORD"),
        ),
        ("/auth/http_bearer", "    type: bearer\n    token: ${SECRET}\n", String::new(), secret("HTTP_BEARER_TOKEN")),
        (
            "/auth/api_key",
            "    type: api_key\n    in: header\n    name: Authorization\n    prefix: \"apiKey \"\n    key: ${SECRET}\n",
            String::new(),
            secret("API_KEY"),
        ),
        (
            "/auth/session_token/data",
            "    type: session\n    login_path: /auth/session_token/login\n    login_body:\n      username: ${NAME}\n      \
             password: ${SECRET}\n    token_pointer: /token\n    prefix: \"Token \"\n",
            secret("SESSION_AUTH_USERNAME"),
            secret("SESSION_AUTH_PASSWORD"),
        ),
    ];
    for (path, auth, name, secret) in cases {
        let workspace = Workspace::new();
        connection(&workspace, &api, path, auth);
        let (code, printed) = sync(&workspace, &[("NAME", &name), ("SECRET", &secret)]);
        assert_eq!(code, Some(0), "{path}: {printed}");
        assert!(!printed.contains(&secret), "{path}: {printed}");
        assert_eq!(workspace.query("SELECT count(*) FROM user"), [["20"]], "{path}");

        let (code, printed) = sync(&workspace, &[("NAME", &name), ("SECRET", "not-the-secret")]);
        assert_eq!(code, Some(3), "{path}: {printed}");
        assert!(printed.contains("credentials: "), "{path}: {printed}");
        assert!(!printed.contains("not-the-secret"), "{path}: {printed}");
        assert_eq!(workspace.query("SELECT count(*) FROM user"), [["20"]], "{path}");
    }
}
