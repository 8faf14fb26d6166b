//! A source in a process of its own: the bench itself, called with the name of a part that serves.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::serve::ListenerExt as _;

/// The process that serves. It is killed when this is dropped.
pub(crate) struct Served {
    process: Child,
    url: String,
}

impl Served {
    /// Calls this program, which has to call [`serve`].
    pub(crate) fn start(arguments: &[String]) -> Result<Served> {
        let mut process = Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        BufReader::new(process.stdout.take().context("its output")?).read_line(&mut url)?;
        Ok(Served { process, url: url.trim().to_owned() })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until the process is killed.
pub(crate) async fn serve(router: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}
