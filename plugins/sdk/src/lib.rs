//! What the author of a Tidegate strategy imports.
//!
//! A strategy is a type that implements [`Strategy`], in a crate of its own, and one line that exports it:
//!
//! ```ignore
//! tidegate_sdk::export!(Keyset);
//! ```
//!
//! Natively the crate compiles as well, so that whatever decides without asking the host can be tested as usual.
//! The only neighbour is the contract in `wit/`: nothing here knows how a host keeps it.

mod ahead;
pub mod config;
mod cursor;
mod error;
mod guest;
mod pages;
mod records;
mod services;
mod since;
mod stamp;

pub use ahead::Ahead;
pub use config::{CursorOptions, Filter, FlightOptions, PageCap, Period, SinceOptions, SourceOptions, TableOptions};
pub use cursor::Cursor;
pub use error::{Error, Result};
pub use guest::Strategy;
pub use pages::{Page, Pending, Request};
pub use records::{Batch, Span, delete, truncate, update, upsert};
pub use serde_json as json;
pub use services::{checkpoint, clock, log};
pub use since::{Since, SinceState};
pub use stamp::{Format, Stamp};

pub use bindings::{Column, Table};

/// The contract in Rust, as `wit/` says it.
#[doc(hidden)]
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        world: "strategy",
        path: "../../wit",
        pub_export_macro: true,
        default_bindings_module: "tidegate_sdk::bindings",
    });
}

#[doc(hidden)]
pub mod private {
    pub use crate::bindings::{Error, Guest, Manifest, Table, export};
    pub use crate::guest::{describe, migrate, sync, tables};
}

/// Exports a [`Strategy`] as a component. Its version is that of the crate that calls the macro.
#[macro_export]
macro_rules! export {
    ($strategy:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::private;

            struct Component;

            impl private::Guest for Component {
                fn describe() -> private::Manifest {
                    private::describe::<$strategy>(env!("CARGO_PKG_VERSION"))
                }

                fn schema(config: String) -> Result<Vec<private::Table>, private::Error> {
                    private::tables::<$strategy>(&config)
                }

                fn sync(config: String, state: Option<String>) -> Result<(), private::Error> {
                    private::sync::<$strategy>(&config, state.as_deref())
                }

                fn migrate_state(from: u32, state: String) -> Result<String, private::Error> {
                    private::migrate::<$strategy>(from, &state)
                }
            }

    private::export!(Component with_types_in $crate::bindings);
        };
    };
}
