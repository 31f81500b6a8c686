//! The demo: everything in one process, and it can check itself.

use sidegate_tests::sidegate;

#[tokio::test]
async fn the_demo_does_what_it_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = sidegate(folder.path(), &["demo", "--check"]).await.exits(0);
    for part in ["held", "202", "cancelled", "Idempotency-Key", "two services"] {
        assert!(output.stdout.contains(part), "`{part}` is tried:\n{}", output.stdout);
    }
    assert!(
        output.stdout.lines().all(|line| line.starts_with("ok ")),
        "each did what it should:\n{}",
        output.stdout
    );
    let left = std::fs::read_dir(folder.path()).expect("the folder can be read").count();
    assert_eq!(left, 0, "a demo leaves nothing behind where it was started");
}
