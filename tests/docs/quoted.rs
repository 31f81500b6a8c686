//! Code that a document quotes stands in the source it names, in that order. A line `// …` stands for what is left out.

use std::fs;

use sidegate_tests::workspace_root;

use crate::markdown::{Block, Document};

const LEFT_OUT: &str = "// …";

#[test]
fn every_piece_of_rust_below_docs_is_quoted_from_a_source() {
    let mut checked = 0;
    for document in Document::all().into_iter().filter(|document| document.path.starts_with("docs")) {
        for block in document.blocks().iter().filter(|block| block.info.starts_with("rust")) {
            let path = block.info.strip_prefix("rust from ");
            let path =
                path.unwrap_or_else(|| panic!("{} names no source: `rust from PATH`", document.at(block)));
            let source = fs::read_to_string(workspace_root().join(path));
            let source = source.unwrap_or_else(|error| panic!("{}: {path}: {error}", document.at(block)));
            let missing = missing_piece(block, &source);
            assert_eq!(missing, None, "{} does not stand in {path} any more", document.at(block));
            checked += 1;
        }
    }
    assert!(checked >= 5, "the documents quote code");
}

/// The first piece of a block that is not in the source behind those before it. Indentation is the source's own.
fn missing_piece(block: &Block, source: &str) -> Option<String> {
    let source: Vec<&str> = source.lines().map(str::trim).collect();
    let quoted: Vec<&str> = block.text.lines().map(str::trim).collect();
    let mut rest = &source[..];
    for piece in quoted.split(|line| *line == LEFT_OUT).filter(|piece| !piece.is_empty()) {
        let Some(at) = rest.windows(piece.len()).position(|lines| lines == piece) else {
            return Some(piece.join("\n"));
        };
        rest = &rest[at + piece.len()..];
    }
    None
}

#[test]
fn a_quote_is_found_wherever_it_is_indented_and_only_in_order() {
    let block = |text: &str| Block { info: String::new(), text: text.to_owned(), line: 1 };
    let source = "fn a() {\n    one();\n    two();\n    three();\n}\n";
    for found in ["one();\ntwo();\n", "  one();\n// …\n  three();\n"] {
        assert_eq!(missing_piece(&block(found), source), None, "{found}");
    }
    for changed in ["one();\nthree();\n", "three();\n// …\none();\n", "one()\n"] {
        assert!(missing_piece(&block(changed), source).is_some(), "{changed}");
    }
}
