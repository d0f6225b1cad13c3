"""The way into the accounts of a fleet: one client per service and region, and a role assumed per account.

Making a client costs more than a call, and each has connections of its own. So clients are shared by all accounts of a
region, and sign with the credentials of the thread that uses them. Only reads credentials; stores and prints none.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.exceptions import (
    NoCredentialsError as NoneFoundError,
)
from botocore.session import Session
from botocore.utils import parse_timestamp

from ..model.bootstrap import DEFAULT_QUALIFIER, is_lookup_role, lookup_role_name
from .answers import read_carefully, refuse_strangers
from .refusals import REGION_CODES, SIGNATURE_CODES, is_throttled, policy_advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.target import Target

_SESSION_NAME = "iot-ca"
_SESSION_SECONDS = 900
# What STS says to whoever asks with credentials that are over; what botocore says where it could get no new ones.
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNUSABLE = (
    CredentialRetrievalError,
    NoneFoundError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)


class NoCredentialsError(RuntimeError):
    """There is nobody to ask AWS as, or no longer: no account can be entered."""


class NoAccessError(Exception):
    """An account cannot be entered; the message says why, in a sentence."""


class _ThreadCredentials(Credentials):  # type: ignore[misc]
    """Credentials that are those of the thread that signs."""

    def __init__(self) -> None:
        super().__init__("none", "none", method="assume-role")
        self._held = threading.local()

    @contextlib.contextmanager
    def held(self, credentials: ReadOnlyCredentials) -> Iterator[None]:
        """While it lasts, this thread signs with ``credentials``."""
        self._held.now = credentials
        try:
            yield
        finally:
            self._held.now = None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """What botocore asks for at every signature."""
        now = getattr(self._held, "now", None)
        if now is None:
            msg = "no account was entered in this thread"
            raise RuntimeError(msg)
        return now

    def load_credentials(self) -> Credentials:
        """What botocore asks its credential provider for when it makes a client."""
        return self


class Access:
    """Enters accounts by assuming a role in each.

    ``profile``: of the AWS configuration, for one's own credentials. ``role_name``: the role in every account, in place
    of the one that the cloud assembly names; ``{account}`` and ``{region}`` in it are filled. ``qualifier``: of
    the CDK bootstrap, in place of both. ``connections``: how many calls run at a time. ``credentials``: one's own, in
    place of those that the profile gives. It can be pickled, for another process: with the credentials of that moment.
    Raises `NoCredentialsError` where there are no credentials to begin with.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        role_name: str | None = None,
        qualifier: str | None = None,
        connections: int = 10,
        credentials: ReadOnlyCredentials | None = None,
    ) -> None:
        self._settings = (profile, role_name, qualifier, connections)
        self._role_name = lookup_role_name(qualifier) if qualifier else role_name
        self._config = Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            connect_timeout=5,
            read_timeout=10,
            max_pool_connections=connections,
            parameter_validation=False,  # what is asked is written here, and asked thousands of times
            # In place of botocore's own, which it writes anew for each call: a tenth of what a call costs here.
            user_agent="iot-multiaccount-ca",
        )
        self._own = Session(profile=profile)
        if credentials is not None:
            self._own.set_credentials(*credentials[:3])
        self._own_credentials = _credentials_of(self._own)
        self._entered = _ThreadCredentials()
        self._assumed = Session(profile=profile)
        self._assumed.register_component("credential_provider", self._entered)
        self._assumed.register_component("data_loader", self._own.get_component("data_loader"))  # parsed once
        for session in (self._own, self._assumed):
            read_carefully(session, timestamp_parser=_moment)
        self._clients: dict[tuple[Session, str, str], Any] = {}
        self._lock = threading.Lock()
        self._own_identity: tuple[str | None, str] | None = None
        self._unreachable: dict[str, str] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _like, (*self._settings, self._own_credentials.get_frozen_credentials())

    @property
    def names_role(self) -> bool:
        """Whether a role was named in place of those that the cloud assembly names."""
        return self._role_name is not None

    @property
    def names_bootstrap(self) -> bool:
        """Whether it was a bootstrap's role, by its qualifier: which says nothing of other roles."""
        return self._settings[2] is not None

    def role_arn(self, target: Target, planned: str | None, *, as_planned: bool = False) -> str:
        """The role that is assumed in an account and region; ``planned`` is what the cloud assembly names."""
        named = None if as_planned else self._role_name
        if named is None and planned is not None:
            return planned
        name = named or lookup_role_name(DEFAULT_QUALIFIER)
        filled = name.replace("{account}", target.account).replace("{region}", target.region)
        return target.arn("iam", f"role/{filled}")

    @contextlib.contextmanager
    def enter(
        self,
        target: Target,
        *,
        planned_role: str | None = None,
        external_id: str | None = None,
        as_planned: bool = False,
    ) -> Iterator[str]:
        """While it lasts, this thread's calls are made in the target's account; yields who they are made as.

        ``as_planned``: by the assembly's role, whichever was named in its place.

        Where the assembly's role cannot be assumed and one's own credentials are of that account, they are used, as the
        CDK CLI does. Raises `NoAccessError` where this account stays closed, and `NoCredentialsError` where all do.
        """
        if target.region in self._unreachable:
            raise NoAccessError(self._unreachable[target.region])
        named = self.names_role and not as_planned
        role = self.role_arn(target, planned_role, as_planned=as_planned)
        try:
            credentials, identity = self._assume(role, target.region, external_id), role
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _EXPIRED:
                raise _unusable(error) from error
            own_account, own_arn = self._whoami(target.region)
            if own_account != target.account or named:
                raise NoAccessError(_refused(role, own_arn, target, error)) from error
            credentials, identity = self._own_credentials.get_frozen_credentials(), own_arn
        except _UNUSABLE as error:
            raise _unusable(error) from error
        except BotoCoreError as error:
            raise self._unasked(target.region, error) from error
        with self._entered.held(credentials):
            yield identity

    def begin(self) -> None:
        """Ask again where STS could not be reached: until then a region is asked in vain once, not for each account."""
        self._unreachable.clear()

    def client(self, service: str, region: str) -> Any:
        """A client for the account that the calling thread has entered. Shared: do not close it."""
        return self._client(self._assumed, service, region)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, session: Session, service: str, region: str) -> Any:
        key = (session, service, region)
        client = self._clients.get(key)
        if client is None:
            with self._lock:  # making one is not thread-safe; using one is
                client = self._clients.get(key)
                if client is None:
                    try:
                        client = session.create_client(service, region_name=region, config=self._config)
                    except ValueError as error:  # such as an AWS_ENDPOINT_URL that is not a URL
                        msg = (
                            f"AWS cannot be asked with these settings: {error}; fix: see the AWS_… variables"
                        )
                        raise NoCredentialsError(f"{msg} and the AWS configuration") from error
                    refuse_strangers(client)
                    self._clients[key] = client
        return client

    def _assume(self, role: str, region: str, external_id: str | None) -> ReadOnlyCredentials:
        more = {"ExternalId": external_id} if external_id else {}
        # In the stage's own region, as the CDK CLI asks: such a session is good in opt-in regions too.
        answer = self._client(self._own, "sts", region).assume_role(
            RoleArn=role, RoleSessionName=_SESSION_NAME, DurationSeconds=_SESSION_SECONDS, **more
        )["Credentials"]
        return ReadOnlyCredentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])

    def _unasked(self, region: str, error: BotoCoreError) -> NoAccessError:
        """The same words for every account: what is wrong is between here and STS."""
        cause = f"{type(error).__name__}: {error}"
        fix = "see the network, its proxies, and the region's name"
        msg = f"STS in {region} cannot be asked ({cause}); fix: {fix}"
        if isinstance(error, NoConnectionError):
            self._unreachable[region] = msg
        return NoAccessError(msg)

    def _whoami(self, region: str) -> tuple[str | None, str]:
        if self._own_identity is None:
            try:
                caller = self._client(self._own, "sts", region).get_caller_identity()
                self._own_identity = (caller["Account"], caller["Arn"])
            except (ClientError, BotoCoreError):
                return None, "an unknown identity"
        return self._own_identity


def _moment(written: str | float) -> dt.datetime:
    """A time in an answer. botocore's own way is the slower one by far, and stands in every second answer."""
    try:
        return dt.datetime.fromisoformat(written)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return parse_timestamp(written)  # type: ignore[no-any-return]


def _like(
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    connections: int,
    credentials: ReadOnlyCredentials,
) -> Access:
    return Access(
        profile=profile,
        role_name=role_name,
        qualifier=qualifier,
        connections=connections,
        credentials=credentials,
    )


def _credentials_of(session: Session) -> Credentials:
    try:
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()  # an expired sign-in shows here, once, not in every row
    # From the user's own command and files too, which may hold, or print, anything.
    except (BotoCoreError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        said = str(error) or type(error).__name__
        msg = f"the AWS credentials cannot be used: {said}; fix: sign in, or give another --profile"
        raise NoCredentialsError(msg) from error
    if credentials is None:
        msg = "no AWS credentials found; fix: sign in, set AWS_PROFILE, or give --profile"
        raise NoCredentialsError(msg)
    return credentials


def _unusable(error: Exception) -> NoCredentialsError:
    return NoCredentialsError(
        f"your AWS credentials have expired, or cannot be renewed ({_said(error)}); fix: sign in, then run it again"
    )


def _refused(role: str, own_arn: str, target: Target, error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "RegionDisabledException":
        fix = f"enable STS in {target.region} for account {target.account}, or the region itself"
    elif is_throttled(code):
        fix = "try again with a smaller --concurrency"
    elif code in REGION_CODES | SIGNATURE_CODES:
        fix = f"see that {target.region} is enabled for your own account, and that credentials and clock are right"
    elif status >= 500:
        fix = "try again"
    elif by_policy := policy_advice(message, action="sts:AssumeRole", identity=own_arn):
        fix = by_policy
    elif is_lookup_role(role.rpartition("/")[2]):
        fix = (
            "bootstrap the environment with "
            f"`cdk bootstrap aws://{target.account}/{target.region} --trust-for-lookup {_account_of(own_arn)}`, "
            "or name another role with --role-name"
        )
    else:
        fix = f"see that the role is there and trusts account {_account_of(own_arn)}, or name another with --role-name"
    return f"{role} cannot be assumed by {own_arn} ({_said(error)}); fix: {fix}"


def _account_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 else "YOUR_ACCOUNT"


def _said(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return str(error)
    said = error.response.get("Error", {})
    return f"{said.get('Code', 'unknown')}: {said.get('Message', 'no message')}"
