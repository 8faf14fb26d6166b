//! What is said of a source that cannot be read in this way.

use super::walk::{Source, Walk};
use crate::{Error, Stamp};

impl<S: Source> Walk<'_, S> {
    pub(super) fn out_of_order(&self, count: u32) -> Error {
        Error::unsupported(format!(
            "an answer of {count} records is not in ascending order of `{}`, and the source may have cut it off: what \
             it left out could never be asked for. Ask the source for that order (`parameters`); or set `page_cap` to \
             `none` if it never cuts its answers off, or to the number of records after which it does",
            self.options.cursor_field
        ))
    }

    pub(super) fn without_instants(&self, count: u32) -> Error {
        Error::unsupported(format!(
            "none of the {count} records of an answer has a `{}` to read on from. Set `cursor_field` to the field that \
             says when a record was changed; or set `page_cap` to `none` if the source never cuts its answers off",
            self.options.cursor_field
        ))
    }

    pub(super) fn too_many_ties(&self, count: u32, instant: &Stamp) -> Error {
        let text = instant.text();
        Error::unsupported(format!(
            "more records share the `{}` {text} than an answer of this source holds ({count}), or just as many, and \
             the API gives no second key to ask for the others. Ask for longer answers (`parameters`), or use another \
             strategy",
            self.options.cursor_field
        ))
    }

    pub(super) fn uncertain_ties(&self, count: u32, instant: &Stamp) -> Error {
        let text = instant.text();
        Error::unsupported(format!(
            "all {count} records of the first answer share the `{}` {text}; if the source has cut it off, there is no \
             way to ask for the others. Set `page_cap` to `none` if the source never cuts its answers off, or to the \
             number of records after which it does",
            self.options.cursor_field
        ))
    }

    pub(super) fn may_show_the_newest_only(&self, count: u32) -> Error {
        Error::unsupported(format!(
            "an answer of {count} records is not in ascending order of `{}`, and {count} may be the number of records \
             after which this source cuts its answers off: one that shows its newest records only looks like that, and \
             older ones could never be asked for. Ask the source for ascending order (`parameters`); or set `page_cap` \
             to `none` if it never cuts its answers off, or to the number of records after which it does",
            self.options.cursor_field
        ))
    }
}
