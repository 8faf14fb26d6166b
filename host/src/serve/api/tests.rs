//! The API, asked as its callers ask it.
