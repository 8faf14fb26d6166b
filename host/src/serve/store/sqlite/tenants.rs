//! Tenants and their tokens.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::Outcome;
use super::value::{self, integer};
use super::{SqliteStore, connections};
use crate::BoxFuture;
use crate::serve::store::{Expected, Page, Tenants};
use crate::serve::tenant::{Name, Quotas, Role, Tenant, Token};
use crate::serve::{Refusal, Result};

impl Tenants for SqliteStore {
    fn create_tenant(&self, tenant: Tenant) -> BoxFuture<'_, Result<Tenant>> {
        Box::pin(self.database.write(move |sql| {
            let made = sql
                .prepare_cached("INSERT INTO tenants (name, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                .execute(params![tenant.name.as_str(), tenant.created_at])?;
            if made == 0 {
                return Err(Refusal::Conflict(format!("there is a tenant `{}` already", tenant.name)).into());
            }
            put_quotas(sql, &tenant.name, &tenant.quotas)?;
            find(sql, &tenant.name)
        }))
    }

    fn tenant<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Tenant>> {
        let name = name.clone();
        Box::pin(self.database.read(move |sql| find(sql, &name)))
    }

    fn tenants(&self, page: Page) -> BoxFuture<'_, Result<Vec<Tenant>>> {
        Box::pin(self.database.read(move |sql| {
            let mut query =
                sql.prepare_cached("SELECT * FROM tenants WHERE name > ifnull(?1, '') ORDER BY name LIMIT ?2")?;
            query.query_and_then(params![page.after, page.limit], tenant)?.collect()
        }))
    }

    fn set_quotas<'a>(&'a self, name: &'a Name, quotas: Quotas, expected: Expected) -> BoxFuture<'a, Result<Tenant>> {
        let name = name.clone();
        Box::pin(self.database.write(move |sql| {
            connections::compare(Some(find(sql, &name)?.revision), expected, "tenant")?;
            put_quotas(sql, &name, &quotas)?;
            find(sql, &name)
        }))
    }

    fn delete_tenant<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<()>> {
        let (name, vault) = (name.clone(), Arc::clone(&self.vault));
        Box::pin(self.database.write(move |sql| {
            find(sql, &name)?;
            let running = "SELECT EXISTS (SELECT 1 FROM connections WHERE tenant = ?1 AND run IS NOT NULL)";
            if sql.prepare_cached(running)?.query_row([name.as_str()], |row| row.get(0))? {
                let message = format!("a run of the tenant `{name}` goes on; cancel it first, or let it end");
                return Err(Refusal::Conflict(message).into());
            }
            sql.prepare_cached("DELETE FROM tenants WHERE name = ?1")?.execute([name.as_str()])?;
            vault.forget(&name);
            Ok(())
        }))
    }

    fn add_token(&self, token: Token, hash: [u8; 32]) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.database.write(move |sql| add_token(sql, &token, hash)))
    }

    fn token(&self, hash: [u8; 32]) -> BoxFuture<'_, Result<Token>> {
        Box::pin(self.database.read(move |sql| {
            let mut query = sql.prepare_cached("SELECT * FROM tokens WHERE hash = ?1")?;
            query.query_and_then([hash], token)?.next().unwrap_or_else(|| Err(Refusal::Absent.into()))
        }))
    }

    fn tokens<'a>(&'a self, tenant: Option<&'a Name>) -> BoxFuture<'a, Result<Vec<Token>>> {
        let tenant = tenant.cloned();
        Box::pin(self.database.read(move |sql| {
            if let Some(tenant) = &tenant {
                check(sql, tenant)?;
            }
            let mut query = sql.prepare_cached("SELECT * FROM tokens WHERE tenant IS ?1 ORDER BY created_at, id")?;
            query.query_and_then([tenant.as_ref().map(Name::as_str)], token)?.collect()
        }))
    }

    fn revoke_token<'a>(&'a self, tenant: Option<&'a Name>, id: &'a str) -> BoxFuture<'a, Result<()>> {
        let (tenant, id) = (tenant.cloned(), id.to_owned());
        Box::pin(self.database.write(move |sql| {
            let mut delete = sql.prepare_cached("DELETE FROM tokens WHERE id = ?1 AND tenant IS ?2")?;
            match delete.execute(params![id, tenant.as_ref().map(Name::as_str)])? {
                0 => Err(Refusal::Absent.into()),
                _ => Ok(()),
            }
        }))
    }

    fn has_token_of(&self, role: Role) -> BoxFuture<'_, Result<bool>> {
        Box::pin(self.database.read(move |sql| {
            let mut query = sql.prepare_cached("SELECT EXISTS (SELECT 1 FROM tokens WHERE role = ?1)")?;
            Ok(query.query_row([role.as_str()], |row| row.get(0))?)
        }))
    }
}

/// One tenant.
pub(super) fn find(sql: &Connection, name: &Name) -> Outcome<Tenant> {
    let mut query = sql.prepare_cached("SELECT * FROM tenants WHERE name = ?1")?;
    query.query_and_then([name.as_str()], tenant)?.next().unwrap_or_else(|| Err(Refusal::Absent.into()))
}

/// Whether there is such a tenant.
pub(super) fn check(sql: &Connection, name: &Name) -> Outcome<()> {
    let found = sql.prepare_cached("SELECT 1 FROM tenants WHERE name = ?1")?.query_row([name.as_str()], |_| Ok(()));
    found.optional()?.ok_or_else(|| Refusal::Absent.into())
}

/// Keeps a token.
pub(super) fn add_token(sql: &Connection, token: &Token, hash: [u8; 32]) -> Outcome<()> {
    if let Some(tenant) = &token.tenant {
        check(sql, tenant)?;
    }
    let insert = "INSERT INTO tokens (id, hash, tenant, role, label, created_at)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let tenant = token.tenant.as_ref().map(Name::as_str);
    let values = params![token.id, hash, tenant, token.role.as_str(), token.label, token.created_at];
    match sql.prepare_cached(insert)?.execute(values)? {
        0 => Err(Refusal::Conflict("there is such a token already".to_owned()).into()),
        _ => Ok(()),
    }
}

/// Makes all tokens of operators worthless. Returns how many there were.
pub(super) fn revoke_operators(sql: &Connection) -> Outcome<usize> {
    Ok(sql.execute("DELETE FROM tokens WHERE role = ?1", [Role::Operator.as_str()])?)
}

fn put_quotas(sql: &Connection, name: &Name, quotas: &Quotas) -> Outcome<()> {
    let update = "UPDATE tenants
                  SET connections = ?2, concurrent_runs = ?3, requests_per_day = ?4, bytes_per_day = ?5,
                      memory_bytes = ?6, cpu_seconds = ?7, revision = ?8
                  WHERE name = ?1";
    let values = params![
        name.as_str(),
        quotas.connections,
        quotas.concurrent_runs,
        quotas.requests_per_day.map(integer),
        quotas.bytes_per_day.map(integer),
        quotas.memory_bytes.map(integer),
        quotas.cpu_seconds,
        integer(connections::draw(sql, 1)?),
    ];
    sql.prepare_cached(update)?.execute(values)?;
    Ok(())
}

fn tenant(row: &Row<'_>) -> Outcome<Tenant> {
    let count = |column| row.get::<_, Option<i64>>(column).map(|count| count.map(value::natural));
    let quotas = Quotas {
        connections: row.get("connections")?,
        concurrent_runs: row.get("concurrent_runs")?,
        requests_per_day: count("requests_per_day")?,
        bytes_per_day: count("bytes_per_day")?,
        memory_bytes: count("memory_bytes")?,
        cpu_seconds: row.get("cpu_seconds")?,
    };
    Ok(Tenant {
        name: value::name(row, "name")?,
        quotas,
        revision: value::count(row, "revision")?,
        created_at: row.get("created_at")?,
    })
}

fn token(row: &Row<'_>) -> Outcome<Token> {
    let is_tenants: bool = row.get::<_, Option<String>>("tenant")?.is_some();
    let role: String = row.get("role")?;
    Ok(Token {
        id: row.get("id")?,
        tenant: is_tenants.then(|| value::name(row, "tenant")).transpose()?,
        role: role.parse()?,
        label: row.get("label")?,
        created_at: row.get("created_at")?,
    })
}
