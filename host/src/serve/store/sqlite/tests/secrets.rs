//! Secrets are the tenant's, and nobody can read them from the disk.

use secrecy::ExposeSecret;

use super::*;
use crate::serve::store::Secrets;

async fn values(store: &dyn Store, tenant: &str) -> Vec<(String, String)> {
    let secrets = store.secrets(&name(tenant)).await.expect("secrets");
    secrets.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

async fn names(store: &dyn Store, tenant: &str) -> Vec<String> {
    let names = store.secret_names(&name(tenant)).await.expect("names");
    names.into_iter().map(|(name, _)| name).collect()
}

/// A store with a key, in which a tenant has a secret.
async fn sealed(folder: &Path) {
    let store = SqliteStore::open(folder, Some(key("07"))).expect("opened");
    let fixture = Fixture { store: Arc::new(store), folder: tempfile::tempdir().expect("a folder") };
    fixture.tenant("a", Quotas::default()).await;
    fixture.store.put_secret(&name("a"), "TOKEN", "the-first-value".into()).await.expect("put");
    fixture.store.put_secret(&name("a"), "TOKEN", "the-second-value".into()).await.expect("put again");
}

#[tokio::test]
async fn the_disk_says_nothing_without_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    sealed(folder.path()).await;
    for file in std::fs::read_dir(folder.path()).expect("files") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("bytes");
        assert!(memchr::memmem::find(&bytes, b"the-first-value").is_none());
        assert!(memchr::memmem::find(&bytes, b"the-second-value").is_none());
    }
    let store = SqliteStore::open(folder.path(), Some(key("07"))).expect("opened");
    assert_eq!(values(&store, "a").await, [pair("TOKEN", "the-second-value")]);
}

#[tokio::test]
async fn another_key_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    sealed(folder.path()).await;
    let error = refusal_of_opening(folder.path(), Some(key("08")));
    assert_eq!(error, "the secrets in the store were sealed with another key than the present one");
}

#[tokio::test]
async fn without_the_key_sealed_secrets_can_only_be_replaced_or_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    sealed(folder.path()).await;
    let store = SqliteStore::open(folder.path(), None).expect("opened");
    assert_eq!(names(&store, "a").await, ["TOKEN"]);
    let Err(Refusal::Failed(error)) = store.secrets(&name("a")).await else { panic!("a failure") };
    assert_eq!(error.message(), "the secrets in the store are sealed, and the server has no key to open them");
    store.put_secret(&name("a"), "TOKEN", "third".into()).await.expect("put");
    assert_eq!(values(&store, "a").await, [pair("TOKEN", "third")]);
}

#[tokio::test]
async fn without_a_key_secrets_live_as_long_as_the_server() {
    let fixture = Fixture::new(&["a", "b"]).await;
    fixture.store.put_secret(&name("a"), "TOKEN", "mine".into()).await.expect("put");
    fixture.store.put_secret(&name("b"), "TOKEN", "theirs".into()).await.expect("put");
    fixture.store.put_secret(&name("a"), "KEY", "mine too".into()).await.expect("put");
    assert_eq!(values(&*fixture.store, "a").await, [pair("KEY", "mine too"), pair("TOKEN", "mine")]);
    assert_eq!(names(&*fixture.store, "a").await, ["KEY", "TOKEN"]);
    for (tenant, secret, expected) in
        [("a", "KEY", "done"), ("a", "KEY", "absent"), ("b", "KEY", "absent"), ("x", "TOKEN", "absent")]
    {
        assert_eq!(kind(fixture.store.delete_secret(&name(tenant), secret).await), expected, "{tenant} {secret}");
    }
    assert_eq!(kind(fixture.store.put_secret(&name("x"), "TOKEN", "nobody's".into()).await), "absent");
    assert_eq!(kind(fixture.store.secrets(&name("x")).await), "absent");
    assert_eq!(values(&*fixture.store, "b").await, [pair("TOKEN", "theirs")]);
    let fixture = fixture.reopen();
    assert_eq!(values(&*fixture.store, "a").await, []);
}
