//! `HOST` and `HOST:PORT`, in the URLs of calls and of brokers. What stands there is not quoted in a message: it may be
//! a part of a password.

use compact_str::CompactString;

/// What is wrong, and what to do about it.
pub(super) type Complaint = (&'static str, &'static str);

/// A name or address without brackets, and the port where one is written.
pub(super) fn host_and_port(text: &str) -> Result<(CompactString, Option<u16>), Complaint> {
    let (host, port) = split(text)?;
    Ok((host.into(), port.map(parse_port).transpose()?))
}

fn split(text: &str) -> Result<(&str, Option<&str>), Complaint> {
    const HELP: &str = "write a name or an address, an IPv6 address in brackets";
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(("`[` is never closed", HELP))?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| ("this is no IPv6 address", HELP))?;
        return match (port.is_empty(), port.strip_prefix(':')) {
            (true, _) => Ok((host, None)),
            (false, Some(port)) => Ok((host, Some(port))),
            (false, None) => Err(("this is no port", "write `:` and a number")),
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_name = |char: char| char.is_ascii_alphanumeric() || "-._".contains(char);
    match host.is_empty() || !host.chars().all(is_name) {
        true => Err(("this is no host", HELP)),
        false => Ok((host, port)),
    }
}

fn parse_port(text: &str) -> Result<u16, Complaint> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port != 0);
    port.ok_or(("this is no port", "write a number from 1 to 65535"))
}
