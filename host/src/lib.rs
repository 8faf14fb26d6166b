//! Tidegate pulls data incrementally from HTTP APIs into databases; each sync strategy is a sandboxed component.

pub mod error;
pub mod http;
pub mod model;
pub mod sink;
