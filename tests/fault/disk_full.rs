//! A full disk: new work is refused with 507, what was accepted stays, and work goes on when there is room.
//!
//! The disk is a small file system in memory. Where none can be mounted, the store's writes are made to fail with
//! the same error for a while.

use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use sidegate_tests::{Client, DEADLINE, Gate, Reply, Service, Setup, eventually, running_in_ci};

use crate::tools::{assert_database_is_sound, has, run, skip, tell};

const CONFIG: &str = r#"
    [[route]]
    http = "POST /orders"
    send = "orders"
    timeout = "1h"
    [[consumer]]
    receive = "orders"
    call = "POST http://service/orders"
    concurrency = 1
"#;

/// A file system of a size of its own; unmounted with this value.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn mounted(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path().to_str()?;
        run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", place])
            .then_some(Self { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room that is left; gives it back when the file is removed.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).expect("there is room for a name");
        for piece in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![7; piece]).is_ok() {}
        }
        path
    }

    fn grow(&self, size: &str) {
        let place = self.path().to_str().expect("a path of plain characters");
        assert!(run("mount", &["-o", &format!("remount,size={size}"), place]), "a mounted disk can grow");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Some(place) = self.path().to_str() {
            run("umount", &["--lazy", place]);
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_new_work_keeps_the_old_and_serves_again_when_there_is_room() {
    let Some(disk) = Disk::mounted("6m") else {
        tell("no disk can be mounted here: the test with failing writes stands in for this one");
        return;
    };
    let service = Service::start().await;
    let url = format!("sqlite:{}", disk.path().join("sidegate.db").display());
    let mut gateway = Setup::new(CONFIG).beside(&service).store_url(&url).start().await;
    let client = gateway.client();
    let accepted = fill(&client).await;
    assert!(!accepted.is_empty(), "there was room at first");
    for id in &accepted {
        client.operation(id).await;
    }
    assert!(gateway.is_running(), "a full disk is no reason to end");

    disk.grow("64m");
    serves_again(&client).await;
    for id in &accepted {
        assert_eq!(client.ends(id).await["status"], "succeeded", "what was accepted before is carried out");
    }
    gateway.kill();
    assert_database_is_sound(&disk.path().join("sidegate.db"), "after the disk was full");
}

#[tokio::test]
async fn what_a_service_did_while_the_disk_was_full_is_not_done_again() {
    const ANSWER_BYTES: usize = 512 * 1024;
    let Some(disk) = Disk::mounted("16m") else {
        tell("no disk can be mounted here: an answer that finds no room cannot be shown");
        return;
    };
    let (service, gate) = (Service::start().await, Gate::shut());
    service.on("POST /orders", Reply::status(201).body(vec![7; ANSWER_BYTES]).behind(&gate));
    let url = format!("sqlite:{}", disk.path().join("sidegate.db").display());
    let gateway = Setup::new(CONFIG).beside(&service).store_url(&url).start().await;
    let id = gateway.client().post("/orders").await.is(202).id();
    service.called("/orders", 1).await;

    let filler = disk.fill();
    gate.open();
    gateway.logs("what a service did cannot be stored yet").await;
    let refused = async || {
        let answer = gateway.client().post("/orders").body(vec![7; ANSWER_BYTES]).await;
        (answer.status == 507).then_some(())
    };
    eventually(DEADLINE, "new work is refused meanwhile", refused).await;
    std::fs::remove_file(filler).expect("the file can be removed");
    assert_eq!(
        gateway.client().ends(&id).await["status"],
        "succeeded",
        "the answer was kept until there was room"
    );
    let executed = service.calls().iter().filter(|call| call.header("operation-id") == Some(&id)).count();
    assert_eq!(executed, 1, "a full disk of the gateway is no reason to bother the service again");
}

#[tokio::test]
async fn writes_that_find_no_room_refuse_new_work_and_are_taken_up_again() {
    const TEST: &str = "failing writes";
    if !has("strace") {
        return skip(TEST, "strace");
    }
    let service = Service::start().await;
    let setup = Setup::new(CONFIG).beside(&service);
    let log = setup.folder().join("sidegate.db-wal");
    let only = log.to_str().expect("a path of plain characters").to_owned();
    let inject = "inject=write,pwrite64:error=ENOSPC:when=200..400";
    let tracer =
        ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &only, "-e", "trace=write,pwrite64", "-e", inject];
    let gateway = setup.wrapped_in(&tracer).start().await;
    let accepted = fill(&gateway.client()).await;
    serves_again(&gateway.client()).await;
    for id in &accepted {
        assert_eq!(
            gateway.client().ends(id).await["status"],
            "succeeded",
            "nothing that was accepted is lost"
        );
    }
    assert!(!running_in_ci() || !accepted.is_empty(), "there was room at first");
}

/// Asks until the first 507, and makes sure that it is a proper one; the ids accepted until then.
async fn fill(client: &Client) -> Vec<String> {
    const ORDERS_MAX: usize = 2_000;
    let body = Bytes::from(vec![7; 32 * 1024]);
    let mut accepted = Vec::new();
    for _ in 0..ORDERS_MAX {
        let answer = client.post("/orders").body(body.clone()).await;
        if answer.status != 202 {
            let refused = answer.is_problem(507, "storage_full");
            assert!(refused.header("retry-after").is_some(), "it says when to come again");
            return accepted;
        }
        accepted.push(answer.id());
    }
    panic!("{ORDERS_MAX} orders of 32 KiB fit on a disk that is too small for them");
}

async fn serves_again(client: &Client) {
    let id = eventually(DEADLINE, "work is accepted again", async || {
        let answer = client.post("/orders").await;
        (answer.status == 202).then(|| answer.id())
    })
    .await;
    client.ends(&id).await;
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_said_so() {
    let Some(disk) = Disk::mounted("64k") else {
        tell("no disk can be mounted here: a start on a full disk cannot be shown");
        return;
    };
    let url = format!("sqlite:{}", disk.path().join("sidegate.db").display());
    let setup = Setup::new("").store_url(&url).written();
    let output = sidegate_tests::sidegate(setup.folder(), &["run"]).await.exits(1);
    assert!(output.stderr.contains("full"), "it says what is wrong: {}", output.stderr);
}
