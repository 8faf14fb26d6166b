//! The files, asked for as a browser asks for them.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use tower::ServiceExt;

use super::*;

async fn ask(method: Method, path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(known) = known {
        request = request.header(IF_NONE_MATCH, known);
    }
    let request = request.body(Body::empty()).expect("a request");
    let (parts, body) = router::<()>().oneshot(request).await.expect("an answer").into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    (parts.status, parts.headers, String::from_utf8(body.into()).expect("text"))
}

#[tokio::test]
async fn each_file_says_what_it_is_and_may_do_little() {
    for file in &FILES {
        let (status, headers, body) = ask(Method::GET, file.path, None).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, file.text), "{}", file.path);
        let said = |name: HeaderName| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(said(CONTENT_TYPE).as_deref(), Some(file.content_type), "{}", file.path);
        assert_eq!(said(CACHE_CONTROL).as_deref(), Some("no-cache"));
        assert_eq!(said(X_CONTENT_TYPE_OPTIONS).as_deref(), Some("nosniff"));
        let policy = said(CONTENT_SECURITY_POLICY).expect("a policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let (_, headers, _) = ask(Method::GET, "/assets/app.js", None).await;
    let tag = headers[ETAG].to_str().expect("a tag").to_owned();
    let cases = [
        (tag.clone(), StatusCode::NOT_MODIFIED),
        (format!("W/{tag}"), StatusCode::NOT_MODIFIED),
        (format!("\"other\", {tag}"), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        ("\"other\"".to_owned(), StatusCode::OK),
    ];
    for (known, expected) in cases {
        let (status, headers, body) = ask(Method::GET, "/assets/app.js", Some(&known)).await;
        assert_eq!((status, body.is_empty()), (expected, expected == StatusCode::NOT_MODIFIED), "{known}");
        assert_eq!(headers[ETAG].to_str().expect("a tag"), tag);
    }
}

#[tokio::test]
async fn files_are_only_read() {
    let (status, _, body) = ask(Method::HEAD, "/", None).await;
    assert_eq!((status, body.is_empty()), (StatusCode::OK, true));
    let (status, _, _) = ask(Method::POST, "/", None).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

/// Names of XML namespaces look like places, but nobody goes there.
const NAMESPACE: &str = "http://www.w3.org/2000/svg";

#[test]
fn nothing_comes_from_elsewhere() {
    for file in &FILES {
        let text = file.text.replace(NAMESPACE, "");
        for absent in ["http://", "https://", "src=\"//", "href=\"//", "@import", "url("] {
            assert!(!text.contains(absent), "{} has `{absent}`", file.path);
        }
    }
}

#[test]
fn text_never_becomes_markup_or_code() {
    for file in &FILES {
        let absent = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            " style=\"",
            " onclick=\"",
        ];
        for absent in absent {
            assert!(!file.text.contains(absent), "{} has `{absent}`", file.path);
        }
    }
}

#[test]
fn each_file_that_another_names_is_served() {
    let is_served = |name: &str| FILES.iter().any(|file| file.path == format!("/assets/{name}"));
    for file in &FILES {
        let imported = file.text.split(" from \"./").skip(1);
        let linked = file.text.split("=\"/assets/").skip(1);
        for rest in imported.chain(linked) {
            let name = rest.split('"').next().unwrap_or_default();
            assert!(is_served(name), "{} names {name}", file.path);
        }
    }
}
