//! Traces of runs for OpenTelemetry, where the environment names an endpoint. Without one nothing is built or started.
//!
//! The rooms that tell of their work do it by spans of `tracing` under the target [`SPANS`]; here they are collected. It
//! must not know what they are about. `otlp` is the form in which they leave, `export` sends them.

mod export;
mod otlp;

use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::SPANS;
use crate::error::Result;
pub(super) use export::Exporter;
use otlp::{Span, Value};

/// Starts to export traces where the environment says where to.
pub(super) fn start(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<(Collector, Exporter)>> {
    let Some(settings) = export::Settings::read(variable)? else { return Ok(None) };
    let exporter = Exporter::start(settings)?;
    Ok(Some((Collector { outlet: exporter.outlet() }, exporter)))
}

/// Whether something is a span of a trace, and no line of a log.
pub(super) fn is_of_a_trace(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == SPANS
}

/// Collects spans, and hands over those that have ended.
pub(super) struct Collector {
    outlet: export::Outlet,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(new) = context.span(id) else { return };
        let parent =
            new.parent().and_then(|parent| parent.extensions().get::<Span>().map(|span| (span.trace, span.id)));
        let mut span = Span {
            trace: parent.map_or_else(|| fastrand::u128(1..), |(trace, _)| trace),
            id: fastrand::u64(1..),
            parent: parent.map(|(_, id)| id),
            name: new.name(),
            began: now(),
            ended: 0,
            attributes: Vec::new(),
        };
        attributes.record(&mut Attribute(&mut span));
        new.extensions_mut().insert(span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(known) = context.span(id)
            && let Some(span) = known.extensions_mut().get_mut::<Span>()
        {
            values.record(&mut Attribute(span));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(mut span) = context.span(&id).and_then(|closed| closed.extensions_mut().remove::<Span>()) else {
            return;
        };
        span.ended = now();
        self.outlet.put(span);
    }
}

/// In nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What is recorded becomes an attribute.
struct Attribute<'a>(&'a mut Span);

impl Visit for Attribute<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.attributes.push((field.name(), Value::Text(value.to_owned())));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.attributes.push((field.name(), Value::Number(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.attributes.push((field.name(), Value::Text(format!("{value:?}"))));
    }
}
