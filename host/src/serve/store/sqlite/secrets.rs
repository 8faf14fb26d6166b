//! Secrets: on disk under the operator's key, or in memory only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Row, params};
use secrecy::{ExposeSecret, SecretString};

use super::SqliteStore;
use super::database::Outcome;
use super::tenants;
use crate::BoxFuture;
use crate::error::{Error, Result};
use crate::model::Owner;
use crate::seal::{Label, SecretKey};
use crate::serve::clock::Millis;
use crate::serve::store::Secrets;
use crate::serve::tenant::Name;
use crate::serve::{self, Refusal};

/// What is sealed.
const CONTENT: &str = "secret";

type Kept = BTreeMap<(Name, String), (SecretString, Millis)>;

/// Where the values of secrets are safe.
pub(super) struct Vault {
    key: Option<SecretKey>,
    /// What is kept while the process lives, where there is no key.
    memory: Mutex<Kept>,
}

impl Vault {
    pub(super) fn new(key: Option<SecretKey>) -> Vault {
        Vault { key, memory: Mutex::default() }
    }

    /// Whether the key is the one by which the secrets were sealed. Without a key nothing is opened, so nothing fails.
    pub(super) fn check(&self, sql: &Connection) -> Outcome<()> {
        if self.key.is_some() {
            let mut query = sql.prepare("SELECT * FROM secrets LIMIT 1")?;
            for secret in query.query_and_then([], |row| self.open(row))? {
                secret?;
            }
        }
        Ok(())
    }

    /// Forgets what is a tenant's.
    pub(super) fn forget(&self, tenant: &Name) {
        self.memory().retain(|(owner, _), _| owner != tenant);
    }

    fn memory(&self) -> MutexGuard<'_, Kept> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self, tenant: &Name) -> Vec<(String, Millis)> {
        let memory = self.memory();
        let mine = memory.iter().filter(|((owner, _), _)| owner == tenant);
        mine.map(|((_, name), (_, put_at))| (name.clone(), *put_at)).collect()
    }

    fn values(&self, tenant: &Name) -> Vec<(String, SecretString)> {
        let memory = self.memory();
        let mine = memory.iter().filter(|((owner, _), _)| owner == tenant);
        mine.map(|((_, name), (value, _))| (name.clone(), value.clone())).collect()
    }

    fn open(&self, row: &Row<'_>) -> Outcome<(String, SecretString)> {
        let (tenant, name): (String, String) = (row.get("tenant")?, row.get("name")?);
        let sealed = row.get_ref("sealed")?.as_blob().map_err(rusqlite::Error::from)?;
        let value = match &self.key {
            Some(key) => labelled(&tenant, &name, |label| key.open(label, sealed)),
            None => None,
        };
        let value = value.and_then(|value| std::str::from_utf8(&value).ok().map(SecretString::from));
        Ok((name, value.ok_or_else(|| self.misfit())?))
    }

    fn misfit(&self) -> Refusal {
        let message = match self.key {
            Some(_) => "the secrets in the store were sealed with another key than the present one",
            None => "the secrets in the store are sealed, and the server has no key to open them",
        };
        Refusal::Failed(
            Error::configuration(message)
                .help("start the server with the key that they were sealed with, or without one, and put them anew"),
        )
    }
}

/// Binds what is sealed to its tenant and its name.
fn labelled<T>(tenant: &str, name: &str, act: impl FnOnce(&Label<'_>) -> T) -> T {
    let owner = Owner { tenant: tenant.to_owned(), connection: String::new() };
    act(&Label { owner: &owner, content: &[CONTENT, name] })
}

fn seal(key: &SecretKey, tenant: &Name, name: &str, value: &SecretString) -> Result<Vec<u8>> {
    labelled(tenant.as_str(), name, |label| key.seal(label, value.expose_secret().as_bytes()))
}

impl Secrets for SqliteStore {
    fn put_secret<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a str,
        value: SecretString,
    ) -> BoxFuture<'a, serve::Result<()>> {
        let (tenant, name, now) = (tenant.clone(), name.to_owned(), self.clock.now());
        let vault = Arc::clone(&self.vault);
        Box::pin(self.database.write(move |sql| {
            tenants::check(sql, &tenant)?;
            let Some(key) = &vault.key else {
                // One that was sealed before would come back with its key.
                delete(sql, &tenant, &name)?;
                vault.memory().insert((tenant, name), (value, now));
                return Ok(());
            };
            let sealed = seal(key, &tenant, &name, &value).map_err(Refusal::Failed)?;
            let put = "INSERT OR REPLACE INTO secrets (tenant, name, sealed, put_at) VALUES (?1, ?2, ?3, ?4)";
            sql.prepare_cached(put)?.execute(params![tenant.as_str(), name, sealed, now])?;
            Ok(())
        }))
    }

    fn secret_names<'a>(&'a self, tenant: &'a Name) -> BoxFuture<'a, serve::Result<Vec<(String, Millis)>>> {
        let (tenant, vault) = (tenant.clone(), Arc::clone(&self.vault));
        Box::pin(self.database.read(move |sql| {
            tenants::check(sql, &tenant)?;
            let mut query = sql.prepare_cached("SELECT name, put_at FROM secrets WHERE tenant = ?1")?;
            let sealed = query.query_map([tenant.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut names = sealed.collect::<rusqlite::Result<Vec<_>>>()?;
            names.extend(vault.names(&tenant));
            names.sort();
            Ok(names)
        }))
    }

    fn delete_secret<'a>(&'a self, tenant: &'a Name, name: &'a str) -> BoxFuture<'a, serve::Result<()>> {
        let (tenant, name, vault) = (tenant.clone(), name.to_owned(), Arc::clone(&self.vault));
        Box::pin(self.database.write(move |sql| {
            let was_sealed = delete(sql, &tenant, &name)?;
            let was_held = vault.memory().remove(&(tenant, name)).is_some();
            if was_sealed || was_held { Ok(()) } else { Err(Refusal::Absent.into()) }
        }))
    }

    fn secrets<'a>(&'a self, tenant: &'a Name) -> BoxFuture<'a, serve::Result<Vec<(String, SecretString)>>> {
        let (tenant, vault) = (tenant.clone(), Arc::clone(&self.vault));
        Box::pin(self.database.read(move |sql| {
            tenants::check(sql, &tenant)?;
            let mut query = sql.prepare_cached("SELECT * FROM secrets WHERE tenant = ?1")?;
            let sealed = query.query_and_then([tenant.as_str()], |row| vault.open(row))?;
            let mut secrets = sealed.collect::<Outcome<Vec<_>>>()?;
            secrets.extend(vault.values(&tenant));
            Ok(secrets)
        }))
    }
}

fn delete(sql: &Connection, tenant: &Name, name: &str) -> Outcome<bool> {
    let mut delete = sql.prepare_cached("DELETE FROM secrets WHERE tenant = ?1 AND name = ?2")?;
    Ok(delete.execute([tenant.as_str(), name])? > 0)
}
