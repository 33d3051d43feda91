//! A SIM that the operator lets send nothing: without credit, or barred.

use std::time::Duration;

use doorward::dispatch::{FailureKind, Message};

use crate::modem::{Bed, TEXT, at};

#[tokio::test]
async fn a_sim_that_may_not_send_is_out_for_long_and_one_barred_number_is_not_its_fault() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&[]) else { return };
    let running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    let other = || Message { to: "+4587654321".into(), ..running.message(TEXT) };
    // The operator bars one number, and takes another.
    for _ in 0..2 {
        simulator.order("fault cms 1 8");
        assert_eq!(running.send(&running.message(TEXT)).await.unwrap_err().kind, FailureKind::RetryElsewhere);
        running.send(&other()).await.unwrap();
    }
    let pause = 300;
    simulator.order("fault cms 2 8");
    running.until("ready").await;
    running.send(&running.message(TEXT)).await.unwrap_err();
    running.send(&other()).await.unwrap_err();
    running.until("out").await;
    assert!(running.word("last_error").contains("look at credit and contract"), "{}", running.word("last_error"));
    let failed = running.send(&other()).await.unwrap_err();
    assert_eq!(failed.kind, FailureKind::RetryElsewhere, "nobody waits for an operator: {failed:?}");
    running.clock.advance(Duration::from_secs(pause - 20));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(running.word("state"), "out", "after {} s", pause - 20);
    running.clock.advance(Duration::from_secs(21));
    // It looks again.
    running.until("ready").await;
    running.send(&other()).await.unwrap();
}
