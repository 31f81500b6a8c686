//! The edge and the calls on real sockets: what a client gets, byte for byte, and what a service sees.

#![expect(clippy::expect_used, reason = "in a test a panic is the report")]

mod support;

mod ingress {
    mod bodies;
    mod drain;
    mod limits;
    mod malformed;
    mod requests;
    mod unix;
}

mod call {
    mod bounds;
    mod exchange;
    mod patience;
    mod reuse;
    mod streaming;
}
