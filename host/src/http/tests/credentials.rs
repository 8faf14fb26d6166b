//! Credentials: fixed ones, sessions, OAuth 2.0, and what of them nobody may see.

use super::*;

#[tokio::test]
async fn fixed_credentials_are_added_by_the_host() {
    let key = |place, prefix: &str| Auth::ApiKey {
        place,
        name: "X-Key".to_owned(),
        prefix: prefix.to_owned(),
        key: "a+key".into(),
    };
    let cases = [
        (Auth::None, "GET https://a.test/v1/users?page=1"),
        (key(KeyPlace::Header, "apiKey "), "GET https://a.test/v1/users?page=1 X-Key=apiKey a+key"),
        (key(KeyPlace::Query, ""), "GET https://a.test/v1/users?page=1&X-Key=a%2Bkey"),
        (
            Auth::Basic { username: "me".to_owned(), password: "pass".into() },
            "GET https://a.test/v1/users?page=1 authorization=Basic bWU6cGFzcw==",
        ),
        (
            Auth::Bearer { token: "the-token".into() },
            "GET https://a.test/v1/users?page=1 authorization=Bearer the-token",
        ),
    ];
    for (auth, expected) in cases {
        let script = Script::of([json(200, "[]")]);
        let settings = config::Source { auth, ..settings() };
        let request = Request { query: vec![("page".to_owned(), "1".to_owned())], ..get("/users") };
        assert_eq!(body(source(&settings, &script).fetch(request).await), "[]");
        assert_eq!(script.asked(), [expected]);
    }
}

#[tokio::test]
async fn fixed_credentials_that_are_refused_are_not_tried_again() {
    let script = Script::of([json(401, "token the-token is wrong")]);
    let settings = config::Source { auth: Auth::Bearer { token: "the-token".into() }, ..settings() };
    let error = failure(source(&settings, &script).fetch(get("/users")).await);
    assert_eq!((error.code(), error.origin()), ("source.credentials", Origin::Credentials));
    assert_eq!(error.message(), r#"GET /users: 401 Unauthorized; the source says: "token [secret] is wrong""#);
    assert_eq!(error.fact("excerpt"), Some("token [secret] is wrong"));
}

#[tokio::test]
async fn cookies_and_echoes_of_credentials_are_withheld() {
    let headers = [("set-cookie", "a=b"), ("link", "</users?key=the-token>"), ("x-a", "1")];
    let script = Script::of([answer(200, &headers, r#"[{"next":"/users?key=the-token"}]"#)]);
    let settings = config::Source { auth: Auth::Bearer { token: "the-token".into() }, ..settings() };
    let page = source(&settings, &script).fetch(get("/users")).await.expect("a page");
    let found: Vec<_> = page.response().headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(found, [("link", "</users?key=[secret]>"), ("x-a", "1")]);
    assert_eq!(page.get("/0/next"), Some(r#""/users?key=[secret]""#));
}

#[tokio::test]
async fn secrets_with_line_breaks_are_a_mistake_in_the_configuration() {
    let settings = config::Source { auth: Auth::Bearer { token: "the-token\n".into() }, ..settings() };
    let tokens = Arc::new(MemoryTokens::default());
    let error =
        Source::new(&settings, Script::of([]), tokens, Arc::default(), Origins::default()).err().expect("refused");
    assert_eq!(error.message(), "source.auth: the secret contains a line break or a control character");
}

const LOGIN: &str = "POST https://a.test/v1/login content-type=application/json accept=application/json \
                     {\"user\":\"myself\",\"password\":\"p\\\"ssword\"}";

#[tokio::test]
async fn a_token_that_the_source_repeats_is_kept_and_still_withheld() {
    let login = || json(200, r#"{"data":{"token":"the-same-token"}}"#);
    let page = json(200, r#"["the-same-token","myself",{"password":"p\"ssword"}]"#);
    let script = Script::of([login(), json(401, ""), login(), page]);
    let found = body(source(&session(), &script).fetch(get("/users")).await);
    assert_eq!(found, r#"["[secret]","myself",{"password":"[secret]"}]"#);
    let asked = script.asked();
    assert_eq!(asked[1], asked[3]);
    assert!(asked[3].ends_with("=Token the-same-token"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_begins_once_and_again_when_its_token_is_refused() {
    let script = Script::of([
        json(503, ""),
        json(200, r#"{"data":{"token":"first"}}"#),
        json(200, "[1]"),
        json(401, ""),
        json(200, r#"{"data":{"token":"second"}}"#),
        json(200, "[2]"),
    ]);
    let source = source(&session(), &script);
    assert_eq!(body(source.fetch(get("/users")).await), "[1]");
    assert_eq!(body(source.fetch(get("/users")).await), "[2]");
    let users = |token| format!("GET https://a.test/v1/users Authorization=Token {token}");
    let expected =
        [LOGIN.to_owned(), LOGIN.to_owned(), users("first"), users("first"), LOGIN.to_owned(), users("second")];
    assert_eq!(script.asked(), expected);
}

#[tokio::test]
async fn a_session_whose_new_token_is_refused_too_ends() {
    let login = || json(200, r#"{"data":{"token":"a-token"}}"#);
    let script = Script::of([login(), json(401, ""), login(), json(401, "a-token?")]);
    let error = failure(source(&session(), &script).fetch(get("/users")).await);
    assert_eq!(error.message(), r#"GET /users: 401 Unauthorized; the source says: "[secret]?""#);
    assert_eq!(error.origin(), Origin::Credentials);
}

#[tokio::test]
async fn a_refused_login_is_told_and_not_repeated() {
    let cases = [
        (json(401, "unknown p\"ssword"), r#"POST /login: 401 Unauthorized; the source says: "unknown [secret]""#),
        (json(200, r#"{"data":{"token":null}}"#), "POST /login: the answer has no token at `/data/token`"),
    ];
    for (answer, expected) in cases {
        let script = Script::of([answer]);
        let source = source(&session(), &script);
        for found in join_all((0..3).map(|_| source.authenticate())).await {
            let error = found.expect_err("refused");
            assert_eq!((error.code(), error.origin()), ("source.credentials", Origin::Credentials));
            assert_eq!(error.message(), expected);
        }
        assert_eq!(script.asked(), [LOGIN]);
    }
}

fn oauth2(refresh_token: Option<&str>) -> config::Source {
    let auth = Auth::OAuth2 {
        token_url: "https://auth.test/token".parse().expect("a URL"),
        client_id: "me:1".to_owned(),
        client_secret: Some("se/cret".into()),
        refresh_token: refresh_token.map(SecretString::from),
        scope: Some("read all".to_owned()),
    };
    config::Source { auth, ..settings() }
}

const FORM: &str = "POST https://auth.test/token content-type=application/x-www-form-urlencoded \
                    accept=application/json";

fn in_header(form: &str) -> String {
    format!("{FORM} authorization=Basic bWUlM0ExOnNlJTJGY3JldA== {form}")
}

#[tokio::test(start_paused = true)]
async fn an_access_token_is_asked_for_once_and_renewed_before_it_expires() {
    let script = Script::of([
        json(200, r#"{"access_token":"first","expires_in":"300"}"#),
        json(200, "[]"),
        json(200, "[]"),
        json(200, "[]"),
        json(200, r#"{"access_token":"second"}"#),
        json(200, "[]"),
        json(200, "[]"),
    ]);
    let source = source(&oauth2(None), &script);
    join_all((0..3).map(|_| source.fetch(get("/users")))).await;
    for seconds in [280, 1_000_000] {
        sleep(Duration::from_secs(seconds)).await;
        source.fetch(get("/users")).await.expect("a page");
    }
    let asks = in_header("grant_type=client_credentials&scope=read+all");
    let users = |token| format!("GET https://a.test/v1/users authorization=Bearer {token}");
    let (first, second) = (users("first"), users("second"));
    assert_eq!(script.asked(), [&asks, &first, &first, &first, &asks, &second, &second].map(String::clone));
}

#[tokio::test]
async fn a_server_that_wants_the_secret_in_the_body_gets_it_there() {
    let script = Script::of([
        json(401, r#"{"error":"invalid_client"}"#),
        json(200, r#"{"access_token":"first"}"#),
        json(401, ""),
        json(200, r#"{"access_token":"second"}"#),
        json(200, "[]"),
    ]);
    assert_eq!(body(source(&oauth2(None), &script).fetch(get("/users")).await), "[]");
    let form = "grant_type=client_credentials&scope=read+all";
    let in_body = format!("{FORM} {form}&client_id=me%3A1&client_secret=se%2Fcret");
    let asked = script.asked();
    assert_eq!([&asked[0], &asked[1], &asked[3]], [&in_header(form), &in_body, &in_body]);
}

#[tokio::test]
async fn a_rotated_refresh_token_is_used_from_then_on_also_by_the_next_run() {
    let tokens = Arc::new(MemoryTokens::default());
    let settings = oauth2(Some("the-initial-token"));
    let script = Script::of([
        json(200, r#"{"access_token":"a1","refresh_token":"rotated"}"#),
        json(401, ""),
        json(200, r#"{"access_token":"a2","refresh_token":"again"}"#),
        json(200, "[]"),
    ]);
    let source = over(&settings, &script, tokens.clone(), Arc::default());
    source.fetch(get("/users")).await.expect("a page");
    assert_eq!(tokens.load().expect("readable").expect("a token").expose_secret(), "again");

    let echo = r#"["the-initial-token","again"]"#;
    let next = Script::of([json(200, r#"{"access_token":"a3"}"#), json(200, echo)]);
    let page = over(&settings, &next, tokens, Arc::default()).fetch(get("/users")).await;
    assert_eq!(body(page), r#"["[secret]","again"]"#);

    let form = |token| in_header(&format!("grant_type=refresh_token&refresh_token={token}&scope=read+all"));
    let (asked, next) = (script.asked(), next.asked());
    assert_eq!([&asked[0], &asked[2], &next[0]], [&form("the-initial-token"), &form("rotated"), &form("again")]);
}

#[tokio::test]
async fn a_refused_grant_is_told_without_secrets() {
    let cases = [
        (
            json(400, r#"{"error":"invalid_grant","error_description":"initial has expired"}"#),
            "POST https://auth.test/token: 400 Bad Request; the source says: \
             \"{\"error\":\"invalid_grant\",\"error_description\":\"[secret] has expired\"}\"",
        ),
        (
            json(200, r#"{"error":"bad_refresh_token"}"#),
            "POST https://auth.test/token: the answer has no access token; the source says: \
             \"{\"error\":\"bad_refresh_token\"}\"",
        ),
    ];
    for (answer, expected) in cases {
        let script = Script::of([answer]);
        let error = source(&oauth2(Some("initial")), &script).authenticate().await.expect_err("refused");
        assert_eq!((error.origin(), error.message()), (Origin::Credentials, expected));
    }
}
