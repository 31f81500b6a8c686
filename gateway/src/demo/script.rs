//! What the demo prints: what runs where, and the lines to try.

use super::town::{Town, address};

/// The whole text.
pub(super) fn text(town: &Town) -> String {
    let (edge, edge_admin) = (address(&town.edge.data), address(&town.edge.admin));
    format!(
        "\
The bank is open. Everything runs in this process, its databases in a folder that goes when it ends.

  edge       http://{edge}   its admin plane http://{edge_admin}
  accounts   a service on http://{accounts}, a gateway beside it on http://{accounts_gateway} (admin {accounts_admin})
  customers  a service on http://{customers}, a gateway beside it on http://{customers_gateway} (admin {customers_admin})
  broker     {broker}, between the three gateways

Try, in another terminal:

1  A transfer, held: the answer of the service, which never heard of Sidegate
   curl -i http://{edge}/transfers -H 'Content-Type: application/json' \\
        -d '{{\"id\":\"t-1\",\"from\":\"acc-0001\",\"to\":\"acc-0002\",\"amount\":100}}'

2  The same, polled: 202 at once, then its status and its result
   curl -i http://{edge}/transfers/later -H 'Content-Type: application/json' \\
        -d '{{\"id\":\"t-2\",\"from\":\"acc-0001\",\"to\":\"acc-0002\",\"amount\":100}}'
   curl http://{edge}/operations/ID              # the id of the answer before
   curl -i http://{edge}/operations/ID/result
   curl -N http://{edge}/operations/ID/events    # or hear it, as server-sent events

3  Cancelled: a statement takes its time
   curl -i http://{edge}/statements -H 'Content-Type: application/json' -d '{{\"account\":\"acc-0001\"}}'
   curl -i -X DELETE http://{edge}/operations/ID

4  Sent twice with one Idempotency-Key: one transfer, the same answer
   curl -i http://{edge}/transfers -H 'Content-Type: application/json' -H 'Idempotency-Key: \"k-1\"' \\
        -d '{{\"id\":\"t-4\",\"from\":\"acc-0001\",\"to\":\"acc-0002\",\"amount\":100}}'

5  An event that two services hear
   curl -i http://{edge}/customer-events -H 'Content-Type: application/json' \\
        -d '{{\"id\":\"cust-0001\",\"district\":\"gangnam-gu\"}}'
   curl http://{accounts}/events
   curl http://{customers}/events

What the gateway saw:  curl http://{edge_admin}/operations   curl http://{edge_admin}/metrics
Ctrl-C ends it.
",
        broker = town.broker,
        accounts = town.accounts_service,
        customers = town.customers_service,
        accounts_gateway = address(&town.accounts.data),
        accounts_admin = address(&town.accounts.admin),
        customers_gateway = address(&town.customers.data),
        customers_admin = address(&town.customers.admin),
    )
}
