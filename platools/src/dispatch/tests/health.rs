//! Tests of the calls that count as faults of a tool, and of the descriptions of faults.

use super::*;
use crate::registry::RegisteredTool;

const USER: &str = "mallory@example.org";

/// The health of a tool after one call of it.
async fn health_after(tool: Probe) -> (u64, u64, Option<String>) {
    let registry = registry(tool);
    let _ = registry.start_call("t", Params::from("{}".to_owned()), None, 100).expect("a tool").1.await;
    figures(&registry.find("t").expect("it is there"))
}

fn figures(tool: &RegisteredTool) -> (u64, u64, Option<String>) {
    let verdict = tool.health().verdict(Instant::now());
    (verdict.calls, verdict.errors, verdict.last_error)
}

#[tokio::test]
async fn answers_of_a_tool_say_nothing_of_its_health() {
    let answers: [Run; 5] = [
        |_| Box::pin(async { Err(ToolError::new(format!("there is no order of {USER}"))) }),
        |_| Box::pin(async { Err(ToolError::from_error(std::io::Error::other(USER))) }),
        |_| Box::pin(async { Err(ToolError::new(USER).with_code(code::INVALID_ARGUMENTS)) }),
        |_| Box::pin(async { Err(ToolError::new("the warehouse did not answer in time").with_code(code::TIMEOUT)) }),
        |_| Box::pin(async { Err(ToolError::new("locked").with_code("locked").retryable()) }),
    ];
    for answer in answers {
        assert_eq!(health_after(probe(|_| (), answer)).await, (1, 0, None));
    }
}

#[tokio::test(start_paused = true)]
async fn faults_are_described_without_the_words_of_answers() {
    let faults: [(Run, &str); 6] = [
        (|_| Box::pin(async { panic!("{USER}") }), "the tool panicked"),
        (
            |_| Box::pin(async { Err(tokio::spawn(async { panic!("{USER}") }).await.unwrap_err().into()) }),
            "a task of the tool panicked",
        ),
        (|_| Box::pin(std::future::pending()), "the tool did not finish within 2s"),
        (|_| Box::pin(async { Ok(json!("x".repeat(1000))) }), "a result was larger than a frame can carry"),
        (
            |_| Box::pin(async { Err(ToolError::new(USER).with_code(code::RESULT_NOT_SERIALIZABLE)) }),
            "a result could not be written as JSON",
        ),
        (
            |_| Box::pin(async { Err(ToolError::new(USER).with_code("internal")) }),
            "the tool failed with an internal error",
        ),
    ];
    for (run, description) in faults {
        let tool = probe(|tool| tool.timeout = Some(Duration::from_secs(2)), run);
        assert_eq!(health_after(tool).await, (1, 1, Some(description.to_owned())));
    }
}

#[tokio::test]
async fn a_panic_on_a_blocking_thread_is_a_fault_too() {
    let run: Run = |_| Box::pin(async { panic!("on a thread") });
    let health = health_after(probe(|tool| tool.execution = Execution::Blocking, run)).await;
    assert_eq!(health, (1, 1, Some("the tool panicked".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn calls_that_never_ran_are_not_counted() {
    let slow: Run = |_| Box::pin(tokio::time::sleep(Duration::from_secs(1)).map(|()| Ok(Value::Null)));
    let tool = probe(
        |tool| {
            tool.max_concurrency = 1.try_into().ok();
            tool.rate_limit = Some(crate::tool::Rate::new(1.try_into().expect("not zero"), Duration::from_secs(60)));
        },
        slow,
    );
    let registry = registry(tool);
    let (mut dispatcher, mut outcomes) = dispatcher(registry.clone(), Limits { waiting: 2, ..Limits::default() });
    // One runs, one is cancelled while it waits, one is over the rate, and one finds no room.
    for call_id in ["runs", "cancelled", "over the rate"] {
        assert!(matches!(admit(&mut dispatcher, call_id), Some(Admission::Accepted)));
    }
    assert!(matches!(admit(&mut dispatcher, "no room"), Some(Admission::Ended(_))));
    assert!(dispatcher.cancel("cancelled", Instant::now()).is_some());
    assert!(next(&mut outcomes).await.result.is_ok());
    assert_eq!(next(&mut outcomes).await.result.expect_err("refused").error.code(), code::RATE_LIMITED);
    assert_eq!(figures(&registry.find("t").expect("it is there")), (1, 0, None));
}
