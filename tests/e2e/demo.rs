//! The demo: everything in one process, and it can check itself.

use sidegate_tests::sidegate;

#[tokio::test]
async fn the_demo_does_what_it_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = sidegate(folder.path(), &["demo", "--check"]).await.exits(0);
    let tried: Vec<_> = output.stdout.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    for part in ["held", "202", "cancelled", "Idempotency-Key", "two services"] {
        assert!(tried.iter().any(|line| line.contains(part)), "`{part}` is tried:\n{}", output.stdout);
    }
    let left = std::fs::read_dir(folder.path()).expect("the folder can be read").count();
    assert_eq!(left, 0, "a demo leaves nothing behind where it was started");
}
