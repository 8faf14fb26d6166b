//! Waits twice for one request.

use tidegate_hostile::{Pending, Request, Result, attack, begin};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let request =
            Request { method: "GET".into(), path: "/users".into(), query: Vec::new(), headers: Vec::new(), body: None };
        let handle = begin(&request)?.take_handle();
        for _ in 0..2 {
            // SAFETY: a handle is a number; whether it is still ours is for the host to say.
            Pending::wait(unsafe { Pending::from_handle(handle) })?;
        }
        Ok(())
    }
}
