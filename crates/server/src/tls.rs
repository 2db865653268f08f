//! TLS without a proxy in front: the server's certificate, and those that clients bind their tokens to.
//!
//! The certificate is read anew when its file changes, so that renewing it needs no restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use procura_keys::thumbprint::Thumbprint;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::server::{ClientHello, NoClientAuth, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
};
use tokio_rustls::server::TlsStream;

/// Where the certificate is, and whether clients are asked for theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Whether clients may show a certificate of their own.
    pub client_certificates: bool,
}

/// What connections are accepted with.
pub struct Tls {
    files: TlsFiles,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads the files. Fails if they do not belong together.
    pub fn load(files: TlsFiles) -> anyhow::Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = Arc::new(Current(RwLock::new(read(&files, &provider)?)));
        let verifier: Arc<dyn ClientCertVerifier> = if files.client_certificates {
            Arc::new(AnyCertificate(provider.signature_verification_algorithms))
        } else {
            Arc::new(NoClientAuth)
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            files,
            current,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Reads the files again and uses what they hold from the next connection on. Returns whether that is
    /// something new. While they cannot be used, the certificate stays as it is.
    pub fn reload(&self) -> anyhow::Result<bool> {
        let fresh = read(&self.files, &aws_lc_rs::default_provider())?;
        let mut current = self
            .current
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let changed = current.cert != fresh.cert;
        *current = fresh;
        Ok(changed)
    }

    /// Shakes hands. Returns the thumbprint of the client's certificate with the stream, if it showed one.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Thumbprint>)> {
        let stream = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await??;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        let certificate = shown.map(|der| Thumbprint::of_certificate(der));
        Ok((stream, certificate))
    }
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> anyhow::Result<Arc<CertifiedKey>> {
    let about = |what: &str, path: &Path| format!("tls.{what}: {}", path.display());
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| about("certificate", &files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).with_context(|| about("key", &files.key))?;
    let key = CertifiedKey::from_der(chain, key, provider)
        .with_context(|| format!("{} does not fit", about("key", &files.key)))?;
    Ok(Arc::new(key))
}

/// The certificate in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// Lets a client show any certificate, or none. Who issued it does not matter, since it stands for nobody: a
/// token names the certificate it is bound to (RFC 8705 §2.2, §3). That the client holds its key is verified.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
