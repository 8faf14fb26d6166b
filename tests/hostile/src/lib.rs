//! What all hostile strategies have in common: the contract's bindings, and honest behaviour wherever an attack does not
//! say otherwise.
//!
//! The SDK is left out on purpose: it would keep an author from most of what is done here.

mod honest;

/// The contract in Rust, as `wit/` says it.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        world: "strategy",
        path: "../../wit",
        pub_export_macro: true,
        default_bindings_module: "tidegate_hostile::bindings",
    });
}

pub use std::hint::black_box;

pub use bindings::tidegate::strategy::pages::{Page, Pending, Request, begin, fetch};
pub use bindings::tidegate::strategy::records::{Batch, delete, truncate, update, upsert};
pub use bindings::tidegate::strategy::state::checkpoint;
pub use bindings::tidegate::strategy::{clock, log};
pub use bindings::{Column, Error, Manifest, Table};
pub use honest::{batch, failure, get, manifest, rows, sync, table, users};

/// The result of a call in either direction.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// A strategy that is honest but for what it overrides.
pub trait Attack {
    /// What it says it is.
    fn describe() -> Manifest {
        manifest()
    }

    /// The tables that it says it writes.
    fn schema(_config: &str) -> Result<Vec<Table>> {
        Ok(vec![users()])
    }

    /// The run.
    fn sync(_config: &str, _state: Option<&str>) -> Result<()> {
        sync()
    }

    /// A state of an older version in a new form.
    fn migrate(_from: u32, state: &str) -> Result<String> {
        Ok(state.to_owned())
    }
}

/// A component whose functions are those of [`Attack`], with these in place of the honest ones.
#[macro_export]
macro_rules! attack {
    ($($overridden:tt)*) => {
        struct Component;

        impl $crate::Attack for Component {
            $($overridden)*
        }

        impl $crate::bindings::Guest for Component {
            fn describe() -> $crate::Manifest {
                <Component as $crate::Attack>::describe()
            }

            fn schema(config: String) -> $crate::Result<Vec<$crate::Table>> {
                <Component as $crate::Attack>::schema(&config)
            }

            fn sync(config: String, state: Option<String>) -> $crate::Result<()> {
                <Component as $crate::Attack>::sync(&config, state.as_deref())
            }

            fn migrate_state(from: u32, state: String) -> $crate::Result<String> {
                <Component as $crate::Attack>::migrate(from, &state)
            }
        }

        $crate::bindings::export!(Component with_types_in $crate::bindings);

        fn main() {}
    };
}
