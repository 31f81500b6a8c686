//! What of a config's text must not be shown: admin tokens, options that hold credentials, passwords in URLs.
//!
//! Messages never quote such values; but the source lines under them would, so they are starred out there. A text
//! that only names a variable (`"${TOKEN}"`) is no secret and stays.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Keys whose values, and everything in them, are secret wherever they stand.
const SECRET_KEYS: [&str; 3] = ["admin_tokens", "tokens", "secrets"];
/// Words in the name of an option that make its value a secret.
const SECRET_WORDS: [&str; 8] =
    ["password", "passwd", "secret", "token", "credential", "private", "jwt", "seed"];

/// Whether an option of this name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// `source` with its secrets starred out, byte for byte, so that places stay the same.
///
/// `broken` says that the document has syntax errors: then `document` may lack what stands after them, and whole
/// lines that look like secrets are starred out too.
pub(crate) fn masked(source: &str, document: &DeTable<'_>, broken: bool) -> String {
    let mut spans = passwords(source);
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
            DeValue::Table(inner) => of_table(inner, source, spans),
            DeValue::Array(elements) => {
                for element in elements.iter() {
                    if let DeValue::Table(inner) = element.get_ref() {
                        of_table(inner, source, spans);
                    }
                }
            }
            _ => {}
        }
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

/// The password of every `scheme://user:password@host`.
fn passwords(source: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    for (at, separator) in source.match_indices("://") {
        let start = at + separator.len();
        let authority =
            source[start..].split(['/', '?', '#', '"', '\'', ' ', '\n']).next().unwrap_or_default();
        let Some((user_info, _)) = authority.rsplit_once('@') else { continue };
        if let Some((user, password)) =
            user_info.split_once(':').filter(|(_, password)| !is_variable(password))
        {
            let from = start + user.len() + 1;
            spans.push(from..from + password.len());
        }
    }
    spans
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
        let key = line.split('=').next().unwrap_or_default();
        if in_secret_table || SECRET_KEYS.iter().any(|word| key.contains(word)) || is_secret_name(key) {
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
        ] {
            assert!(!shown(source).contains("hunter2"), "{}", shown(source));
        }
    }
}
