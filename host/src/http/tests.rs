//! The story of a request, told against a source that is a script.
