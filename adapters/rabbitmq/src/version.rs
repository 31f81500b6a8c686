//! Which server it is. The client library does not tell, so this asks as a client does that then hangs up: the server's
//! first words name its product and version.

use std::time::Duration;

use futures_util::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::options::Config;
use crate::transport;

const LIMIT: Duration = Duration::from_secs(1);
const PROTOCOL_HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
const PRODUCT: &str = "RabbitMQ";
/// The first that dead-letters at least once.
const VERSION_MIN: (u32, u32) = (3, 10);

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    product: String,
    version: String,
}

/// `None` where it does not tell.
pub(crate) async fn ask(config: &Config) -> Option<Server> {
    timeout(LIMIT, greet(config)).await.ok().flatten()
}

async fn greet(config: &Config) -> Option<Server> {
    let mut dialled = transport::dial(config).await.ok()?;
    dialled.stream.write_all(PROTOCOL_HEADER).await.ok()?;
    dialled.stream.flush().await.ok()?;
    let mut greeting = vec![0; 4096];
    let mut read = 0;
    loop {
        let bytes = dialled.stream.read(&mut greeting[read..]).await.ok().filter(|bytes| *bytes > 0)?;
        read += bytes;
        if let Some(server) = Server::read(&greeting[..read]) {
            return Some(server);
        }
    }
}

impl Server {
    fn read(greeting: &[u8]) -> Option<Self> {
        Some(Self { product: text_after(greeting, "product")?, version: text_after(greeting, "version")? })
    }

    /// What an operator should know about it.
    pub(crate) fn warning(&self) -> Option<String> {
        let Self { product, version } = self;
        if product != PRODUCT {
            return Some(format!(
                "the server is {product} {version}: this adapter is tried with RabbitMQ only"
            ));
        }
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        let (first, second) = (numbers.next()?, numbers.next()?);
        ((first, second) < VERSION_MIN).then(|| {
            format!(
                "the server is RabbitMQ {version}, which cannot dead-letter at least once: use 3.10 or newer"
            )
        })
    }
}

/// The value of an entry of the table: a short name, `S`, a length of four bytes, the text.
fn text_after(greeting: &[u8], name: &str) -> Option<String> {
    let mut entry = vec![u8::try_from(name.len()).ok()?];
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'S');
    let at = greeting.windows(entry.len()).position(|window| window == entry)? + entry.len();
    let length = greeting.get(at..at + 4)?.try_into().map(u32::from_be_bytes).ok()?;
    let text = greeting.get(at + 4..at + 4 + usize::try_from(length).ok()?)?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::Server;

    fn server(product: &str, version: &str) -> Server {
        Server { product: product.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn product_and_version_are_read_from_a_greeting_that_is_whole() {
        let greeting = b"\x07productS\x00\x00\x00\x08RabbitMQ\x07versionS\x00\x00\x00\x063.10.8\x00";
        assert_eq!(Server::read(greeting), Some(server("RabbitMQ", "3.10.8")), "both are there");
        assert_eq!(Server::read(&greeting[..greeting.len() - 4]), None, "half a version is none");
    }

    #[test]
    fn an_old_server_and_another_product_are_warned_about() {
        for version in ["3.10.8", "3.13.0", "4.0.1", "4.3.0-rc.1"] {
            assert_eq!(server("RabbitMQ", version).warning(), None, "{version} is fine");
        }
        assert!(server("RabbitMQ", "3.9.27").warning().is_some(), "3.9 drops dead letters");
        assert!(server("LavinMQ", "2.0.0").warning().is_some(), "another product is told");
    }
}
