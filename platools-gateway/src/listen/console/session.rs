//! The routes of `/console/session`: signing a browser in and out, and who is signed in.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::{Extension, Json};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session_view::{SessionView, end_of};
use crate::audit::action;
use crate::connections::BrowserSession;
use crate::core::Core;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::origin::{Protocol, RequestOrigin};
use crate::listen::http::extract::{Anonymous, Authenticated, Body};
use crate::listen::http::problem::Problem;
use crate::listen::http::{BrowserRequest, ErrorView, RequestContext};

/// The proof of somebody who signs in: one of both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// A key or a token.
    credential: Option<String>,
    /// A code of a link that the program printed.
    code: Option<String>,
}

/// A header that gives or takes a cookie.
type CookieHeader = [(HeaderName, HeaderValue); 1];

/// Show who is signed in.
#[utoipa::path(get, path = "/console/session", tag = "console",
    responses((status = 200, body = SessionView), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    session: Option<Extension<BrowserSession>>,
) -> Result<Json<SessionView>, ErrorView> {
    let expires_ms = end_of(&core, &caller, session.map(|Extension(session)| session.expires_ms));
    Ok(Json(SessionView::of(&core, &caller, expires_ms)?))
}

/// Sign a browser in with a key, a token or a code. The answer has a cookie that counts as the credential for requests of the gateway's own
/// pages.
#[utoipa::path(post, path = "/console/session", tag = "console", request_body = SignIn, security(()),
    responses((status = 200, body = SessionView), (status = "4XX", body = Problem)))]
pub(super) async fn open(
    State(core): State<Arc<Core>>,
    Extension(context): Extension<RequestContext>,
    browser: Option<Extension<BrowserRequest>>,
    _: Anonymous,
    Body(sign_in): Body<SignIn>,
) -> Result<(CookieHeader, Json<SessionView>), ErrorView> {
    let Extension(browser) = browser.ok_or_else(not_own_page)?;
    let caller = authenticate(&core, sign_in, context.origin(Protocol::Rest)).await?;
    context.note_caller(&caller);
    if let Some(earlier) = &browser.session {
        core.browser_sessions.close(earlier).await;
    }
    let secret = core.browser_sessions.open(&caller);
    core.audit.signed_in(action::CONSOLE_SIGN_IN, (&caller).into(), |event| event.in_project(&caller.project_id));
    let session = core.browser_sessions.find(&secret, caller.origin.clone()).await?;
    let view = SessionView::of(&core, &caller, end_of(&core, &caller, Some(session.expires_ms)))?;
    Ok(([(header::SET_COOKIE, browser.set_cookie(&secret))], Json(view)))
}

/// Sign the browser out. Its session ends, with the sockets that it opened.
#[utoipa::path(delete, path = "/console/session", tag = "console", security(()),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn close(
    State(core): State<Arc<Core>>,
    browser: Option<Extension<BrowserRequest>>,
    _: Anonymous,
) -> Result<(StatusCode, CookieHeader), ErrorView> {
    let Extension(browser) = browser.ok_or_else(not_own_page)?;
    if let Some(session) = &browser.session {
        core.browser_sessions.close(session).await;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, browser.clear_cookie())]))
}

async fn authenticate(core: &Core, sign_in: SignIn, origin: RequestOrigin) -> Result<Caller, ErrorView> {
    match sign_in {
        SignIn { credential: Some(credential), code: None } => {
            Ok(core.authenticator.authenticate(&SecretString::from(credential), origin).await?)
        }
        SignIn { credential: None, code: Some(code) } => match core.sign_in_codes.redeem(&SecretString::from(code)) {
            Some(caller) => Ok(Caller { origin, ..caller }),
            None => {
                let message = "the link to sign in was used already, or is of an earlier run; take the newest one that the program \
                               printed, or sign in with a key or token";
                let unknown = Error::new(ErrorKind::Unauthenticated, message);
                Err(core.authenticator.refuse_credential(&origin, unknown).into())
            }
        },
        _ => Err(ErrorView::invalid("sign in with either `credential`, which is a key or token, or `code`")),
    }
}

fn not_own_page() -> ErrorView {
    let message =
        "only pages of the gateway sign browsers in and out; other pages send a key or token with each request";
    ErrorView::new(StatusCode::FORBIDDEN, "origin_not_allowed", message)
}
