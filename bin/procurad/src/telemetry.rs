//! How the program says what it does: lines on standard error and, where a collector is named, traces.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::args::Command;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line, for programs
    Json,
}

/// Sends what is left when it goes.
#[must_use = "what is gathered is sent when this is dropped"]
#[derive(Debug)]
pub(crate) struct Telemetry {
    #[cfg(feature = "otel")]
    traces: Option<traces::Traces>,
}

/// Starts logging, and tracing where the environment names a collector. Call it before there is an event loop.
pub(crate) fn start(command: &Command, format: LogFormat) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| usual_filter(command));
    let lines = lines(format).with_filter(filter);
    install(lines)
}

#[cfg(feature = "otel")]
fn install(lines: impl Layer<Registry> + Send + Sync) -> anyhow::Result<Telemetry> {
    let traces = traces::Traces::from_environment()?;
    let layer = traces.as_ref().map(traces::Traces::layer);
    tracing_subscriber::registry()
        .with(lines)
        .with(layer)
        .init();
    Ok(Telemetry { traces })
}

#[cfg(not(feature = "otel"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "with the feature, a collector can be unusable"
)]
fn install(lines: impl Layer<Registry> + Send + Sync) -> anyhow::Result<Telemetry> {
    tracing_subscriber::registry().with(lines).init();
    Ok(Telemetry {})
}

#[cfg(feature = "otel")]
impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces {
            traces.finish();
        }
    }
}

fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    }
}

/// A server tells what it does; the other commands speak for themselves unless something is wrong.
fn usual_filter(command: &Command) -> EnvFilter {
    EnvFilter::new(match command {
        // What MCP servers say is theirs: the library would log it word by word.
        Command::Serve(_) => "info,rmcp=warn",
        Command::Admin(_) => "warn",
        // The demo tells its story itself, and its development people are no surprise.
        Command::Demo(_) => "error",
    })
}

#[cfg(feature = "otel")]
mod traces {
    //! Spans for an OpenTelemetry collector, over OTLP with HTTP.
    //!
    //! Address, headers and sampling are those of OpenTelemetry's own environment variables.

    use anyhow::Context as _;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_otlp::SpanExporter;
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::{Level, Subscriber};
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::registry::LookupSpan;

    /// The spans that wait to be sent.
    #[derive(Debug)]
    pub(super) struct Traces(SdkTracerProvider);

    impl Traces {
        /// `None` where no collector is named.
        #[expect(
            clippy::disallowed_methods,
            reason = "the program asks whether OpenTelemetry's own settings are there"
        )]
        pub(super) fn from_environment() -> anyhow::Result<Option<Self>> {
            if !SETTINGS
                .iter()
                .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
            {
                return Ok(None);
            }
            let exporter = SpanExporter::builder().with_http().build();
            let exporter = exporter.context("the collector for traces cannot be used")?;
            let provider = SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_resource(Resource::builder().with_service_name("procurad").build())
                .build();
            Ok(Some(Self(provider)))
        }

        /// Takes the spans that are there for traces: those of this program's own crates at level debug.
        pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
        where
            S: Subscriber + for<'a> LookupSpan<'a>,
        {
            let own = filter_fn(|it| {
                it.is_span() && *it.level() == Level::DEBUG && it.target().starts_with("procura_")
            });
            tracing_opentelemetry::layer()
                .with_tracer(self.0.tracer("procurad"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_filter(own)
        }

        /// Sends what is left. A collector that is away must not keep the program from ending well.
        pub(super) fn finish(&self) {
            if let Err(error) = self.0.shutdown() {
                tracing::warn!(%error, "the last traces were not sent");
            }
        }
    }

    const SETTINGS: [&str; 2] = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ];
}
