//! `demo`: the bank in one process; or one of its sample services alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use sidegate_demo::Service;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{Demo, DemoPart, Global};
use super::failure::Failure;
use super::run::{runtime, start_logs};
use crate::demo;
use crate::observe::logs::Filter;

pub(super) fn run(global: &Global, options: Demo) -> Result<(), Failure> {
    match options.part {
        None => {
            // What the demo prints is what is to be read.
            start_logs(global, &Filter::WARN);
            let options =
                demo::Options { check: options.check, any_port: options.any_port, broker: options.broker };
            runtime()?.block_on(demo::run(options)).map_err(|error| Failure::runtime(&error))
        }
        Some(DemoPart::Service { name, listen, database }) => {
            start_logs(global, &Filter::INFO);
            runtime()?.block_on(serve(name, listen, database)).map_err(|error| Failure::runtime(&error))
        }
    }
}

/// One sample service until it is told to stop.
async fn serve(service: Service, listen: SocketAddr, database: Option<PathBuf>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!(service = service.name(), address = %listener.local_addr()?, "listening");
    sidegate_demo::serve(service, listener, database, asked_to_stop()).await
}

/// SIGTERM or SIGINT; where the system tells of neither, it runs until it is killed.
async fn asked_to_stop() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
