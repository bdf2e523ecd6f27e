//! Sends requests to an API server as a user of a kubeconfig.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use tokio::sync::Mutex;
use transport::{Body, ClientBuilder, Identity, SendError};

use super::access_error::AccessError;
use super::credentials::Credentials;
use super::login::{Granted, Login};
use super::request::RequestError;
use super::server::Server;

/// What a connection is made from.
pub(super) struct Prepared {
    pub server: Server,
    /// Sent with each request.
    pub headers: HeaderMap,
    pub credentials: Credentials,
    /// The settings of clients, without a certificate from a login program.
    pub settings: ClientBuilder,
    pub accepts_gzip: bool,
}

/// Sends requests to an API server as one user.
pub(super) struct Connection {
    server: Server,
    /// Sent with each request.
    headers: HeaderMap,
    credentials: Credentials,
    /// The settings of clients, without a certificate from a login program.
    settings: ClientBuilder,
    client: transport::Client,
    /// The last result of the login program, and the client that presents its certificate.
    granted: Mutex<Option<(Arc<Granted>, transport::Client)>>,
    pub accepts_gzip: bool,
}

impl Connection {
    /// Prepares a connection. The login program, if there is one, runs now.
    ///
    /// # Errors
    /// The login program fails, or the settings cannot be used.
    pub async fn new(prepared: Prepared) -> Result<Connection, AccessError> {
        let Prepared {
            server,
            headers,
            credentials,
            settings,
            accepts_gzip,
        } = prepared;
        let unusable = |reason: String| AccessError::Unusable {
            server: server.to_string(),
            reason,
            login: None,
        };
        let client = settings.clone().build().map_err(|error| match error {
            transport::BuildError::UnsupportedProcessor => AccessError::UnsupportedProcessor,
            error => unusable(error.to_string()),
        })?;
        let connection = Connection {
            server,
            headers,
            credentials,
            settings,
            client,
            granted: Mutex::new(None),
            accepts_gzip,
        };
        if let Credentials::Login(login) = &connection.credentials {
            Box::pin(connection.log_in(login, None)).await?;
        }
        Ok(connection)
    }

    /// Returns the address of the server.
    pub fn server(&self) -> String {
        self.server.to_string()
    }

    /// Returns the URI of a path of the API, with its query.
    ///
    /// # Errors
    /// The path is not valid.
    pub fn uri(&self, path: &str) -> Result<Uri, String> {
        self.server.uri(path)
    }

    /// Sends a request. If the server does not accept what a login program returned, the program runs once more, and the
    /// request is sent again.
    ///
    /// # Errors
    /// The connection cannot be established or breaks, or the login program fails.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, RequestError> {
        let Credentials::Login(login) = &self.credentials else {
            let fixed = match &self.credentials {
                Credentials::Fixed(value) => Some(value.clone()),
                Credentials::File(file) => Some(file.header()),
                Credentials::None | Credentials::Login(_) => None,
            };
            return Ok(self.send_with(&self.client, request, fixed).await?);
        };
        let (granted, client) = self.log_in(login, None).await?;
        let first = request.clone();
        let authorization = granted.authorization.clone();
        let answer = self.send_with(&client, first, authorization).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match self.log_in(login, Some(&granted)).await {
            Ok((granted, client)) => {
                let authorization = granted.authorization.clone();
                Ok(self.send_with(&client, request, authorization).await?)
            }
            // The answer says more.
            Err(_) => Ok(answer),
        }
    }

    async fn send_with(
        &self,
        client: &transport::Client,
        mut request: Request<Bytes>,
        authorization: Option<http::HeaderValue>,
    ) -> Result<Response<Body>, SendError> {
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        // Credentials in the address of the server take precedence.
        if let Some(value) = self.server.authorization().or(authorization) {
            headers.insert(header::AUTHORIZATION, value);
        }
        client.send(request).await
    }

    /// Returns what the login program returned, and the client to use it with. The program runs if it has not run yet,
    /// if its result has expired, or if its result is `refused`.
    async fn log_in(
        &self,
        login: &Login,
        refused: Option<&Arc<Granted>>,
    ) -> Result<(Arc<Granted>, transport::Client), AccessError> {
        // The lock also makes other requests wait while the program asks the user.
        let mut current = self.granted.lock().await;
        if let Some((granted, client)) = &*current {
            let is_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, granted));
            if !is_refused && !granted.has_expired() {
                return Ok((Arc::clone(granted), client.clone()));
            }
        }
        let unusable = |reason: String| AccessError::Unusable {
            server: self.server(),
            reason,
            login: Some(login.program()),
        };
        let granted = login.run().await.map_err(|e| unusable(e.to_string()))?;
        let old = current.as_ref();
        let client = match (&granted.certificate, old) {
            (None, _) => self.client.clone(),
            // Another certificate needs other connections.
            (certificate, Some((old, client))) if old.certificate == *certificate => client.clone(),
            (Some((certificate, key)), _) => {
                let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes());
                let identity =
                    identity.map_err(|e| unusable(format!("client certificate: {e}")))?;
                let settings = self.settings.clone().identity(Some(identity));
                settings.build().map_err(|e| unusable(e.to_string()))?
            }
        };
        let granted = Arc::new(granted);
        *current = Some((Arc::clone(&granted), client.clone()));
        Ok((granted, client))
    }
}
