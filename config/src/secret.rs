//! What of a config's text must not be shown: admin tokens, options that hold credentials, passwords in URLs.
//!
//! Messages never quote such values; but the source lines under them would, so they are starred out there. A text
//! that only names a variable (`"${TOKEN}"`) is no secret and stays.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Keys whose values, and everything in them, are secret wherever they stand.
const SECRET_KEYS: [&str; 3] = ["admin_tokens", "tokens", "secrets"];
/// Words in the name of an option that make its value a secret.
const SECRET_WORDS: [&str; 10] =
    ["password", "passwd", "secret", "token", "credential", "private", "jwt", "seed", "pem", "oauthbearer"];
/// Ends of the name of an option whose value is the path of a file, and so no secret whatever the file holds.
const FILE_ENDS: [&str; 2] = ["_file", ".location"];

/// Whether an option of this name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word)) && !names_a_file(&name)
}

/// Whether an option says by its name that its value is the path of a file.
pub(crate) fn names_a_file(name: &str) -> bool {
    FILE_ENDS.iter().any(|end| name.ends_with(end))
}

/// `source` with its secrets starred out, byte for byte, so that places stay the same.
///
/// `broken` says that the document has syntax errors: then `document` may lack what stands after them, and whole
/// lines that look like secrets are starred out too.
pub(crate) fn masked(source: &str, document: &DeTable<'_>, broken: bool) -> String {
    // Where strings end is not known in a broken document, only where lines do.
    let ends: &[char] = if broken { &['\n'] } else { &['"', '\'', '\n'] };
    let mut spans = passwords(source, 0..source.len(), ends);
    of_table(document, source, &mut spans);
    if broken {
        spans.extend(secret_lines(source));
    }
    let mut bytes = source.as_bytes().to_vec();
    for span in spans {
        let secret = bytes.get_mut(span).unwrap_or_default();
        secret.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b'*');
    }
    // Whole characters are starred out, so this is UTF-8; if it were not, showing nothing is the safe side.
    String::from_utf8(bytes).unwrap_or_default()
}

fn of_table(table: &DeTable<'_>, source: &str, spans: &mut Vec<Range<usize>>) {
    for (name, value) in table {
        match value.get_ref() {
            _ if SECRET_KEYS.contains(&name.get_ref().as_ref()) => of_secret(value, source, spans),
            DeValue::String(_) if is_secret_name(name.get_ref()) => of_secret(value, source, spans),
            _ => of_value(value, source, spans),
        }
    }
}

fn of_value(value: &toml::Spanned<DeValue<'_>>, source: &str, spans: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(inner) => of_table(inner, source, spans),
        DeValue::Array(elements) => elements.iter().for_each(|element| of_value(element, source, spans)),
        // A password may hold quotes, which only the document knows from the end of the text.
        DeValue::String(_) => spans.extend(passwords(source, inside_quotes(source, value.span()), &[])),
        _ => {}
    }
}

/// Everything in a value that is secret as a whole.
fn of_secret(value: &toml::Spanned<DeValue<'_>>, source: &str, spans: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(inner) => inner.iter().for_each(|(_, value)| of_secret(value, source, spans)),
        DeValue::Array(elements) => elements.iter().for_each(|element| of_secret(element, source, spans)),
        DeValue::String(text) if is_variable(text) => {}
        _ => spans.push(inside_quotes(source, value.span())),
    }
}

fn is_variable(text: &str) -> bool {
    text.starts_with("${") && text.ends_with('}') && !text.contains(":-") && text.matches('}').count() == 1
}

fn inside_quotes(source: &str, span: Range<usize>) -> Range<usize> {
    let quoted = source.get(span.clone()).is_some_and(|raw| raw.len() >= 2 && raw.starts_with(['"', '\'']));
    if quoted { span.start + 1..span.end - 1 } else { span }
}

/// What may be secret in every URL of a part of the text; no URL goes beyond one of `ends`.
fn passwords(source: &str, part: Range<usize>, ends: &[char]) -> Vec<Range<usize>> {
    let Some(text) = source.get(part.clone()) else { return Vec::new() };
    let mut spans = Vec::new();
    for (at, separator) in text.match_indices("://") {
        let from = at + separator.len();
        let rest = text[from..].split(ends).next().unwrap_or_default();
        let is_call = ["http", "https"].iter().any(|scheme| text[..at].ends_with(scheme));
        // The path of a service may hold an `@`, its query is a template.
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let secrets =
            if is_call { [in_user_info(authority), None] } else { [in_user_info(rest), in_query(rest)] };
        let from = part.start + from;
        spans.extend(secrets.into_iter().flatten().map(|span| from + span.start..from + span.end));
    }
    spans
}

/// The password of `user:password@host`, or a user that stands alone, who may be a token. A password may hold what
/// its author forgot to encode: it goes up to the last `@`.
fn in_user_info(rest: &str) -> Option<Range<usize>> {
    let (user_info, _) = rest.rsplit_once('@')?;
    let from = user_info.find(':').map_or(0, |colon| colon + 1);
    (!is_variable(&user_info[from..])).then_some(from..user_info.len())
}

/// A broker's URL has no query; who writes one may write a password into it.
fn in_query(rest: &str) -> Option<Range<usize>> {
    rest.find('?').map(|mark| mark + 1..rest.len())
}

/// What follows `=` in lines that look like secrets, for documents that cannot be read.
fn secret_lines(source: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut in_secret_table = false;
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            in_secret_table = SECRET_KEYS.iter().any(|key| line.contains(key));
        }
        // An inline table has several keys in a line.
        let keys = line.rsplit_once('=').map_or(line, |(keys, _)| keys).to_ascii_lowercase();
        if in_secret_table || SECRET_KEYS.iter().chain(&SECRET_WORDS).any(|word| keys.contains(word)) {
            let from = line.find(['=', '"', '\'']).map_or(0, |at| at + 1);
            spans.push(start + from..start + line.len());
        }
        start += line.len();
    }
    spans
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::masked;

    fn shown(source: &str) -> String {
        let (document, errors) = DeTable::parse_recoverable(source);
        masked(source, document.get_ref(), !errors.is_empty())
    }

    #[test]
    fn tokens_and_passwords_are_starred_out_byte_for_byte() {
        let source = "[gateway]\nadmin_tokens = { ops = \"s3crét\" }\n[broker.b]\nurl = \"nats://me:hunter2@host/x\"\nclient = { sasl_password = \"pw\", id = \"me\" }\n";
        let shown = shown(source);
        assert_eq!(shown.len(), source.len(), "places must stay the same");
        for secret in ["s3cr", "hunter2", "\"pw\""] {
            assert!(!shown.contains(secret), "`{secret}` is shown: {shown}");
        }
        assert!(
            shown.contains("nats://me:*******@host/x") && shown.contains("\"me\""),
            "the rest stays: {shown}"
        );
    }

    #[test]
    fn whatever_stands_before_the_host_of_a_broker_may_be_a_secret() {
        for url in [
            "nats://hunter2@h",
            "amqp://me:hunter2/#?x@h/orders",
            "amqp://me:it's-hunter2@h",
            "nats://me:hunter2@h1,nats://me:hunter2@h2",
            "${BROKER:-nats://me:hunter2@h}",
            "nats://${USER:-me}:hunter2@h",
            "amqp://h/orders?password=hunter2",
        ] {
            let source = format!("[broker.b]\nurl = \"{url}\"\nclient = {{ }}\n");
            let shown = shown(&source);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.ends_with("\"\nclient = { }\n"), "the lines around it stay: {shown}");
        }
        let calls = "call = \"GET http://h:3000/a@b\"\nother = \"GET http://h:1/{header.from}@x\"\n";
        assert_eq!(shown(calls), calls, "the path of a service is no password");
        let source = "url = \"nats://${USER}:${PASSWORD}@h\"\n";
        assert_eq!(shown(source), source, "names of variables are none");
    }

    #[test]
    fn the_name_of_a_variable_is_no_secret() {
        let source = "[gateway.admin_tokens]\nops = \"${OPS_TOKEN}\"\n";
        assert_eq!(shown(source), source);
        assert!(
            !shown("[gateway.admin_tokens]\nops = \"${T:-hunter2}\"\n").contains("hunter2"),
            "a default is one"
        );
    }

    #[test]
    fn a_document_that_cannot_be_read_shows_no_secret_either() {
        for source in [
            "admin_tokens = { ops = \"hunter2\n",
            "[gateway.admin_tokens]\nops \"hunter2\"\n",
            "tokens = [\"hunter2\n",
            "client = { user = \"me\", password = \"hunter2\", retries = \n",
        ] {
            assert!(!shown(source).contains("hunter2"), "{}", shown(source));
        }
    }
}
