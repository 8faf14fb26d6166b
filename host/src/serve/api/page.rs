//! Listings, a page at a time.

use axum::http::Uri;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::problem::{Problem, Result};
use super::query::Query;
use crate::serve::store::Page;

/// So many where nobody says otherwise.
const USUAL: u32 = 50;
/// So many at most.
const MOST: u32 = 200;
/// The most characters of `after`.
const LONGEST: usize = 128;

/// Which page is asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// So many at most.
    #[param(minimum = 1, maximum = 200, default = 50, nullable = false)]
    pub(super) limit: Option<u32>,
    /// Begin behind this one. `next` of a page has it.
    #[param(max_length = 128, nullable = false)]
    pub(super) after: Option<String>,
}

/// A page of a listing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listing<T> {
    /// What is on it.
    pub(super) items: Vec<T>,
    /// Where the next one is. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uri-reference")]
    pub(super) next: Option<String>,
}

/// A page to be put together.
pub(super) struct Window {
    uri: Uri,
    limit: u32,
    after: Option<String>,
}

impl Window {
    pub(super) fn new(uri: Uri, limit: Option<u32>, after: Option<String>) -> Result<Window> {
        let limit = limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::malformed(format!("the query is wrong: limit: from 1 to {MOST}")));
        }
        if after.as_ref().is_some_and(|after| after.chars().count() > LONGEST) {
            return Err(Problem::malformed(format!("the query is wrong: after: at most {LONGEST} characters")));
        }
        Ok(Window { uri, limit, after })
    }

    /// What to ask the store for: one more than is shown, since it tells whether there is a next page.
    pub(super) fn page(&self) -> Page {
        Page { after: self.after.clone(), limit: self.limit + 1 }
    }

    /// The page of what the store had.
    pub(super) fn show<T, U: From<T>>(&self, found: Vec<T>, key: impl Fn(&T) -> &str) -> Listing<U> {
        self.show_as(found, key, U::from)
    }

    /// The page of what the store had, each shown by `show`.
    pub(super) fn show_as<T, U>(&self, found: Vec<T>, key: impl Fn(&T) -> &str, show: impl Fn(T) -> U) -> Listing<U> {
        let limit = self.limit as usize;
        let last = found.get(limit.saturating_sub(1)).filter(|_| found.len() > limit);
        let next = last.map(|last| self.next(key(last)));
        Listing { items: found.into_iter().take(limit).map(show).collect(), next }
    }

    /// The page of all that there is, in order of `key`.
    pub(super) fn cut<T, U: From<T>>(&self, mut all: Vec<T>, key: impl Fn(&T) -> &str) -> Listing<U> {
        if let Some(after) = &self.after {
            all.retain(|item| key(item) > after.as_str());
        }
        all.sort_by(|one, other| key(one).cmp(key(other)));
        self.show(all, key)
    }

    fn next(&self, last: &str) -> String {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let kept = form_urlencoded::parse(query).filter(|(name, _)| name != "after");
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("after", last).finish();
        format!("{}?{query}", self.uri.path())
    }
}

impl TryFrom<Query<PageQuery>> for Window {
    type Error = Problem;

    fn try_from(query: Query<PageQuery>) -> Result<Window> {
        Window::new(query.uri, query.value.limit, query.value.after)
    }
}
