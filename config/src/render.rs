//! Findings as compilers show them: message, place, source line with a caret, hint.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Title, Origin, Renderer, Snippet};

use crate::place::within;
use crate::problem::{Level, Problem};

/// All findings of a file, an empty line between two.
pub(crate) fn all(file: &str, source: &str, problems: &[Problem], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for problem in problems {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&renderer.render(&[group(file, source, problem)]));
        out.push('\n');
    }
    out
}

fn group<'a>(file: &'a str, source: &'a str, problem: &'a Problem) -> Group<'a> {
    let level = match problem.level() {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
    };
    let title = level.primary_title(problem.message());
    let group = match problem.span() {
        // Nothing can be underlined in an empty file, nor in one that could not be read.
        Some(span) if !source.is_empty() => title.element(snippet(file, source, &span, problem.related())),
        _ => title.element(Origin::path(file).line(1).char_column(1)),
    };
    match problem.hint() {
        Some(help) => group.element(Title::HELP.message(help)),
        None => group,
    }
}

fn snippet<'a>(
    file: &'a str,
    source: &'a str,
    span: &Range<usize>,
    related: &'a [(Range<usize>, String)],
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let others = related
        .iter()
        .map(|(span, label)| AnnotationKind::Context.span(within(source, span)).label(label.as_str()));
    Snippet::source(source)
        .path(file)
        .annotation(AnnotationKind::Primary.span(within(source, span)))
        .annotations(others)
}
