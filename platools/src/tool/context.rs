//! [`Context`]: tells a handler about its call: the caller, the scope and the cancellation.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::call_state::CallState;
use super::envelopes::{CONTEXT_ENVELOPE, PLATFORM_ENVELOPE};
use super::error::ToolError;
use super::params::Params;
#[cfg(feature = "testing")]
use super::report_recorder::ReportRecorder;
use super::reports::{CallReports, ReportQueue, UnsentReports, WantedReports};
use super::shared_text::SharedText;

tokio::task_local! {
    static CURRENT: Context;
}

/// The caller and the scope of a call.
///
/// A handler asks for it with a parameter `ctx: &Context`, or finds it anywhere below itself with
/// [`Context::current`]. Every field is optional on its own: what a platform did not send is `None`. Nothing is parsed
/// before it is asked for.
///
/// ```
/// # use platools::{Context, tool};
/// /// Greet the caller.
/// #[tool]
/// async fn greet(ctx: &Context) -> String {
///     format!("Hello, {}!", ctx.user_id().unwrap_or("stranger"))
/// }
/// ```
#[derive(Clone)]
pub struct Context(pub(super) Arc<ContextInner>);

pub(super) struct ContextInner {
    call_id: SharedText,
    params: Params,
    /// Boxed, because few handlers ask for them.
    envelopes: OnceLock<Box<CallEnvelopes>>,
    pub(super) call_state: CallState,
    reports: CallReports,
    /// `None` for a call without a platform or client that could take reports.
    report_queue: Option<ReportQueue<Context>>,
}

impl Context {
    /// Makes the context of a call without reports.
    pub(crate) fn new(call_id: SharedText, params: Params) -> Self {
        Self::with(call_id, params, CallReports::default(), None)
    }

    /// Makes the context of a call whose progress and log are reported.
    pub(crate) fn reporting(call_id: SharedText, params: Params, queue: ReportQueue<Self>) -> Self {
        Self::with(call_id, params, CallReports::default(), Some(queue))
    }

    /// Makes the context of a test's call, whose reports are recorded.
    #[cfg(feature = "testing")]
    pub(crate) fn recorded(params: Params, recorder: ReportRecorder) -> Self {
        let (queue, _) = ReportQueue::new();
        queue.want(WantedReports { progress: true, log: true });
        Self::with("test-call".into(), params, CallReports::recorded(recorder), Some(queue))
    }

    fn with(
        call_id: SharedText,
        params: Params,
        reports: CallReports,
        report_queue: Option<ReportQueue<Self>>,
    ) -> Self {
        let envelopes = OnceLock::new();
        Self(Arc::new(ContextInner {
            call_id,
            params,
            envelopes,
            call_state: CallState::default(),
            reports,
            report_queue,
        }))
    }

    /// The context of the call this code runs in; `None` outside of one.
    ///
    /// It is there in the handler and whatever the handler awaits or calls, but not in tasks and threads it starts: clone
    /// it into those.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs `part` with this context as the current one.
    pub(crate) fn enclose<R>(&self, part: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self.clone(), part)
    }

    /// The call's id, unique on its platform.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.0.call_id
    }

    /// The call's id, shared.
    pub(crate) fn shared_call_id(&self) -> SharedText {
        self.0.call_id.clone()
    }

    /// The arguments of the call as a value of any type that is deserialized from an object, without the platform's envelopes `__platos`
    /// and `_context`. Tools made by `#[tool]` have them decoded already.
    ///
    /// ```
    /// # use platools::{Context, ToolError};
    /// #[derive(serde::Deserialize)]
    /// struct Weather {
    ///     city: String,
    /// }
    ///
    /// fn city(ctx: &Context) -> Result<String, ToolError> {
    ///     Ok(ctx.arguments::<Weather>()?.city)
    /// }
    /// ```
    ///
    /// # Errors
    /// The arguments do not fit the type: [`code::INVALID_ARGUMENTS`](super::code::INVALID_ARGUMENTS).
    pub fn arguments<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ToolError> {
        self.params().arguments()
    }

    /// The text of the call's params, byte for byte as it arrived: a JSON object with the arguments *and* the platform's envelopes. The
    /// envelopes hold tokens, so keep the text out of logs and do not pass it on; [`arguments`](Self::arguments) leaves them out.
    #[must_use]
    pub fn raw_params(&self) -> &str {
        self.params().as_str()
    }

    pub(crate) fn params(&self) -> &Params {
        &self.0.params
    }

    /// The end user on whose behalf the agent calls.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.platform("userId")
    }

    /// The end user's token, for calling an API as that user. A secret: keep it out of logs.
    #[must_use]
    pub fn user_token(&self) -> Option<&str> {
        self.platform("userToken")
    }

    /// The entity's token. A secret: keep it out of logs.
    #[must_use]
    pub fn entity_token(&self) -> Option<&str> {
        self.platform("entityToken")
    }

    /// The agent that calls.
    #[must_use]
    pub fn agent_id(&self) -> Option<&str> {
        self.platform("agentId")
    }

    /// The conversation the call belongs to.
    #[must_use]
    pub fn thread_id(&self) -> Option<&str> {
        self.platform("threadId")
    }

    /// The entity whose tool is called.
    #[must_use]
    pub fn entity_id(&self) -> Option<&str> {
        self.platform("entityId")
    }

    /// Organization, project and environment.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            organization_id: self.platform("organizationId"),
            project_id: self.platform("projectId"),
            environment_id: self.platform("environmentId"),
        }
    }

    /// Everything the platform says about the caller, or `None` unless every required field is there: all but the tokens
    /// and the nonce.
    #[must_use]
    pub fn full(&self) -> Option<FullContext<'_>> {
        Some(FullContext {
            organization_id: self.platform("organizationId")?,
            project_id: self.platform("projectId")?,
            environment_id: self.platform("environmentId")?,
            entity_id: self.platform("entityId")?,
            user_id: self.platform("userId")?,
            user_token: self.platform("userToken"),
            agent_id: self.platform("agentId")?,
            thread_id: self.platform("threadId")?,
            call_id: self.platform("callId")?,
            timestamp: self.platform("timestamp")?,
            nonce: self.platform("nonce"),
            signature: self.platform("signature")?,
            entity_token: self.platform("entityToken"),
        })
    }

    /// The object that the platform's operator configured for this caller, sent beside the arguments as `_context`. Its keys are up to the
    /// operator. Empty if the platform sent none, or something that is no object.
    #[must_use]
    pub fn context(&self) -> &Map<String, Value> {
        static NONE: OnceLock<Map<String, Value>> = OnceLock::new();
        self.raw().as_object().unwrap_or_else(|| NONE.get_or_init(Map::new))
    }

    /// The value of `_context` as the platform sent it, whatever its type; `null` if it sent none. [`context`](Self::context) is the same
    /// for an object, and [`raw_params`](Self::raw_params) has the text of the whole call.
    #[must_use]
    pub fn raw(&self) -> &Value {
        &self.envelopes().context
    }

    /// The ids the operator's object lists under `entity_ids` or `entityIds`; `None` where there are none.
    #[must_use]
    pub fn entity_ids(&self) -> Option<Vec<&str>> {
        let context = self.context();
        let ids = context.get("entity_ids").or_else(|| context.get("entityIds"))?.as_array()?;
        let ids: Vec<_> = ids.iter().filter_map(Value::as_str).collect();
        (!ids.is_empty()).then_some(ids)
    }

    /// Returns a field of the platform's envelope, if it is a string.
    pub(crate) fn platform(&self, field: &str) -> Option<&str> {
        self.envelopes().platform.get(field)?.as_str()
    }

    /// Keeps a report until it can be sent, if reports of this kind are wanted and the call is not over.
    pub(super) fn report(&self, is_wanted: impl FnOnce(WantedReports) -> bool, put: impl FnOnce(&CallReports) -> bool) {
        let Some(queue) = self.0.report_queue.as_ref().filter(|queue| is_wanted(queue.wanted())) else { return };
        if !self.0.call_state.is_over() && put(&self.0.reports) {
            queue.push(self.clone());
        }
    }

    /// Takes the reports to send now; none once the call is over, which are for [`take_last_reports`](Self::take_last_reports).
    pub(crate) fn take_reports(&self) -> Option<UnsentReports> {
        if self.0.call_state.is_over() {
            return None;
        }
        self.0.reports.take().map(|unsent| *unsent)
    }

    /// Takes the reports from before the end of the call that are not sent yet. They can still be sent before its answer.
    pub(crate) fn take_last_reports(&self) -> Option<Box<UnsentReports>> {
        self.0.reports.take()
    }

    fn envelopes(&self) -> &CallEnvelopes {
        self.0.envelopes.get_or_init(|| Box::new(CallEnvelopes::of(&self.0.params)))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("call_id", &self.call_id()).finish_non_exhaustive()
    }
}

/// The origin of a call; each part is optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    organization_id: Option<&'a str>,
    project_id: Option<&'a str>,
    environment_id: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// The organization.
    #[must_use]
    pub fn organization_id(&self) -> Option<&'a str> {
        self.organization_id
    }

    /// The project.
    #[must_use]
    pub fn project_id(&self) -> Option<&'a str> {
        self.project_id
    }

    /// The environment.
    #[must_use]
    pub fn environment_id(&self) -> Option<&'a str> {
        self.environment_id
    }
}

/// A caller whose platform sent every required field.
///
/// `Debug` leaves out the tokens and the signature.
///
/// ```
/// # use platools::{Context, ToolError, tool};
/// /// Say where the call comes from.
/// #[tool]
/// async fn origin(ctx: &Context) -> Result<String, ToolError> {
///     let full = ctx.full().ok_or("this tool is for platforms that say who calls")?;
///     Ok(format!("{} in {}", full.user_id, full.environment_id))
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FullContext<'a> {
    /// The organization the call comes from.
    pub organization_id: &'a str,
    /// The project within the organization.
    pub project_id: &'a str,
    /// The environment of the project, such as the id of production.
    pub environment_id: &'a str,
    /// The entity whose tool is called.
    pub entity_id: &'a str,
    /// The end user on whose behalf the agent calls.
    pub user_id: &'a str,
    /// The end user's token, for calling an API as that user. A secret: keep it out of logs.
    pub user_token: Option<&'a str>,
    /// The agent that calls.
    pub agent_id: &'a str,
    /// The conversation the call belongs to.
    pub thread_id: &'a str,
    /// The call's id as the platform wrote it into the envelope.
    pub call_id: &'a str,
    /// The time at which the platform made the call, in RFC 3339.
    pub timestamp: &'a str,
    /// A value that is used once, against replays; older platforms send none.
    pub nonce: Option<&'a str>,
    /// The call's signature in hexadecimal; [`signature`](platools_protocol::signature) says what it covers.
    pub signature: &'a str,
    /// The entity's token. A secret: keep it out of logs.
    pub entity_token: Option<&'a str>,
}

impl fmt::Debug for FullContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FullContext")
            .field("organization_id", &self.organization_id)
            .field("project_id", &self.project_id)
            .field("environment_id", &self.environment_id)
            .field("entity_id", &self.entity_id)
            .field("user_id", &self.user_id)
            .field("agent_id", &self.agent_id)
            .field("thread_id", &self.thread_id)
            .field("call_id", &self.call_id)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

/// The two objects a platform puts beside the arguments.
struct CallEnvelopes {
    /// `__platos`: the caller's scope. A field of another type than string counts as absent.
    platform: Map<String, Value>,
    /// `_context`: whatever the operator configured.
    context: Value,
}

impl CallEnvelopes {
    /// Each is read on its own: what one holds may be no value of ours (a lone surrogate, a number beyond `f64`), and
    /// must not take the other with it.
    fn of(params: &Params) -> Self {
        let unread: Unread<'_> = serde_json::from_str(params.as_str()).unwrap_or_default();
        Self { platform: read(unread.platform), context: read(unread.context) }
    }
}

fn read<T: DeserializeOwned + Default>(envelope: Option<&RawValue>) -> T {
    envelope.and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or_default()
}

/// The texts of the envelopes.
#[derive(Default)]
struct Unread<'a> {
    platform: Option<&'a RawValue>,
    context: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Unread<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnreadVisitor;

        impl<'de> Visitor<'de> for UnreadVisitor {
            type Value = Unread<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("params, which are a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unread<'de>, A::Error> {
                let mut unread = Unread::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match &*key {
                        PLATFORM_ENVELOPE => unread.platform = Some(map.next_value()?),
                        CONTEXT_ENVELOPE => unread.context = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(unread)
            }
        }

        deserializer.deserialize_map(UnreadVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(params: &str) -> Context {
        Context::new("c-1".into(), Params::from(params.to_owned()))
    }

    #[test]
    fn each_field_is_optional_on_its_own() {
        let ctx = context(r#"{"x":1,"__platos":{"userId":"u","agentId":7,"organizationId":"o"}}"#);
        assert_eq!(ctx.user_id(), Some("u"));
        assert_eq!(ctx.agent_id(), None, "a number is no id");
        assert_eq!(ctx.scope().organization_id(), Some("o"));
        assert_eq!(ctx.scope().project_id(), None);
        assert_eq!(ctx.full(), None);
    }

    #[test]
    fn the_full_context_needs_every_required_field() {
        let mut platos: Map<String, Value> = [
            "organizationId",
            "projectId",
            "environmentId",
            "entityId",
            "userId",
            "agentId",
            "threadId",
            "callId",
            "timestamp",
            "signature",
        ]
        .map(|key| (key.to_owned(), Value::from(key)))
        .into_iter()
        .collect();
        let with = |platos: &Map<String, Value>| context(&serde_json::json!({ "__platos": platos }).to_string());
        assert_eq!(with(&platos).full().expect("all are there").call_id, "callId");
        for key in platos.keys().cloned().collect::<Vec<_>>() {
            let value = platos.shift_remove(&key).expect("it was there");
            assert_eq!(with(&platos).full(), None, "{key} is required");
            platos.insert(key, value);
        }
    }

    #[test]
    fn the_operators_object_is_empty_when_absent_or_of_another_type() {
        assert!(context("{}").context().is_empty());
        let ctx = context(r#"{"_context":[1]}"#);
        assert!(ctx.context().is_empty());
        assert_eq!(ctx.raw(), &serde_json::json!([1]));
    }

    #[test]
    fn an_envelope_that_cannot_be_read_leaves_the_other_as_it_is() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for bad in [r#"{"note":"\ud83d"}"#, r#"{"n":1e400}"#, &deep] {
            let ctx = context(&format!(r#"{{"_context":{bad},"__platos":{{"userId":"u"}}}}"#));
            assert_eq!((ctx.user_id(), ctx.raw()), (Some("u"), &Value::Null), "{bad}");
            let ctx = context(&format!(r#"{{"_context":{{"team":7}},"__platos":{bad}}}"#));
            assert_eq!((ctx.user_id(), &ctx.raw()["team"]), (None, &Value::from(7)), "{bad}");
        }
    }

    #[test]
    fn entity_ids_are_read_in_both_spellings() {
        assert_eq!(context(r#"{"_context":{"entity_ids":["a",2,"b"]}}"#).entity_ids(), Some(vec!["a", "b"]));
        assert_eq!(context(r#"{"_context":{"entityIds":["a"]}}"#).entity_ids(), Some(vec!["a"]));
        assert_eq!(context(r#"{"_context":{"entityIds":[]}}"#).entity_ids(), None);
        assert_eq!(context("{}").entity_ids(), None);
    }

    #[test]
    fn debug_shows_no_token() {
        let ctx = context(r#"{"__platos":{"userToken":"hunter2"}}"#);
        assert_eq!(ctx.user_token(), Some("hunter2"));
        assert!(!format!("{ctx:?}").contains("hunter2"));
    }
}
