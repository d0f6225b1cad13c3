"""The golden table of JITP dry runs: template, subject, what comes of it, and the AWS document behind it.

Read by the unit tests (the dry run makes this of it) and by the contract tests (so does the local AWS's own engine).
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from support.certificates import make_ca, make_device

if TYPE_CHECKING:
    from collections.abc import Mapping

GUIDE = "https://docs.aws.amazon.com/iot/latest/developerguide/"
API = "https://docs.aws.amazon.com/iot/latest/apireference/"
JITP = GUIDE + "jit-provisioning.html"
TEMPLATES = GUIDE + "provision-template.html"
FUNCTIONS = TEMPLATES + "#intrinsic-functions"
THING_TYPES = GUIDE + "thing-types.html"
GROUPS = GUIDE + "thing-groups.html"
CREATE_THING = API + "API_CreateThing.html"
ATTRIBUTES = API + "API_AttributePayload.html"
CREATE_POLICY = API + "API_CreatePolicy.html"
VARIABLES = GUIDE + "cert-policy-variables.html"
PACKAGES = API + "API_CreatePackage.html"
UNDOCUMENTED = "AWS documents nothing about it"
RECORD = "a public CloudTrail record of JITP's RegisterThing"

_PREFIX = "AWS::IoT::Certificate::"
_OIDS = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "CN": NameOID.COMMON_NAME,
    "dnQualifier": NameOID.DN_QUALIFIER,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}]}'

#: The serial number of every certificate in the table.
SERIAL = 0xC0FFEE
Rdn = dict[str, str] | str


@dataclass(frozen=True)
class Row:
    """One line of the table. ``codes``: every finding's code. ``expected``: fields of the answer, those worth naming.

    ``engine_differs``: why the local AWS's engine makes something else of it. ``refused``: the error's class where the
    lint refuses the template, for no device can escape what the dry run finds.
    """

    name: str
    document: str
    template: Mapping[str, Any]
    subject: tuple[Rdn, ...]
    codes: tuple[str, ...] = ()
    expected: Mapping[str, Any] = field(default_factory=dict)
    engine_differs: str = ""
    refused: str = ""


def ref(name: str) -> dict[str, str]:
    """A Ref to a parameter by its last word."""
    return {"Ref": _PREFIX + name}


def template(
    *declared: str,
    thing: Mapping[str, Any] | None = None,
    defaults: Mapping[str, str] | None = None,
    policy: Mapping[str, Any] | None = None,
    status: Any = "ACTIVE",
    without_status: bool = False,
    mappings: Mapping[str, Any] | None = None,
    without_policy: bool = False,
) -> dict[str, Any]:
    """A template body: parameters by their last word, one thing, the certificate, one policy."""
    names = dict.fromkeys((*declared, *(defaults or {}), "Id"))
    parameters: dict[str, Any] = {_PREFIX + name: {"Type": "String"} for name in names}
    for name, value in (defaults or {}).items():
        parameters[_PREFIX + name]["Default"] = value
    resources: dict[str, Any] = {
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateId": ref("Id"), "Status": status},
        }
    }
    if without_status:
        del resources["certificate"]["Properties"]["Status"]
    if thing is not None:
        resources["thing"] = {"Type": "AWS::IoT::Thing", "Properties": dict(thing)}
    if not without_policy:
        resources["policy"] = {
            "Type": "AWS::IoT::Policy",
            "Properties": dict(policy or {"PolicyDocument": POLICY}),
        }
    return {
        "Parameters": parameters,
        **({"Mappings": dict(mappings)} if mappings else {}),
        "Resources": resources,
    }


def subject_of(rdns: tuple[Rdn, ...]) -> x509.Name:
    """A subject as given: ``CN=a`` is a name by itself, a dict is a multi-valued one. X.509's limits are not held."""

    def attribute(key: str, value: str) -> x509.NameAttribute[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return x509.NameAttribute(_OIDS[key], value, _validate=False)

    def parts(rdn: Rdn) -> list[tuple[str, str]]:
        if isinstance(rdn, dict):
            return list(rdn.items())
        key, _, value = rdn.partition("=")
        return [(key, value)]

    return x509.Name(
        [x509.RelativeDistinguishedName([attribute(*part) for part in parts(rdn)]) for rdn in rdns]
    )


def certificate_of(rdns: tuple[Rdn, ...]) -> x509.Certificate:
    """A device certificate of this subject, under the table's CA; made anew at every call."""
    authority = make_ca("ec-p256", common_name="Golden CA")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        device = make_device(authority, key_name="golden device", name=subject_of(rdns), serial_number=SERIAL)
    return device.certificate


def _named(value: Any, *declared: str, **more: Any) -> dict[str, Any]:
    return template(*declared, thing={"ThingName": value}, **more)


_CN = ref("CommonName")
_NAME = _named(_CN, "CommonName")
_LONG = "n" * 129
_DOCUMENT_OF_CN = {
    "Fn::Sub": POLICY.replace(
        '"*"', f'"client/${{{_PREFIX}CommonName}}/${{!iot:Connection.Thing.ThingName}}"'
    )
}
_TOO_LONG = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": ["x" * 2048]}]}
)
_JUST_FITS = POLICY.replace('"*"', '"' + "x" * (2048 - len(POLICY) + 1) + '"').replace(":", " : ")


def _thing(*declared: str, name: Any = _CN, **properties: Any) -> dict[str, Any]:
    return template("CommonName", *declared, thing={"ThingName": name, **properties})


ROWS: tuple[Row, ...] = (
    # --- which field is which parameter ---
    Row("common name", JITP, _NAME, ("CN=d1",), (), {"thing_name": "d1", "certificate_status": "ACTIVE"}),
    Row("country", JITP, _named(ref("Country"), "Country"), ("C=DE",), (), {"thing_name": "DE"}),
    Row(
        "organization", JITP, _named(ref("Organization"), "Organization"), ("O=o1",), (), {"thing_name": "o1"}
    ),
    Row(
        "organizational unit",
        JITP,
        _named(ref("OrganizationalUnit"), "OrganizationalUnit"),
        ("OU=u1",),
        (),
        {"thing_name": "u1"},
    ),
    Row(
        "qualifier",
        JITP,
        _named(ref("DistinguishedNameQualifier"), "DistinguishedNameQualifier"),
        ("dnQualifier=q1",),
        (),
        {"thing_name": "q1"},
    ),
    Row("state", JITP, _named(ref("StateName"), "StateName"), ("ST=s1",), (), {"thing_name": "s1"}),
    Row(
        "serial number is the certificate's",
        RECORD,
        _named(ref("SerialNumber"), "SerialNumber"),
        ("CN=d1",),
        ("serial-number-form-unverified",),
        {"thing_name": str(SERIAL), "thing_name_in_hex": f"{SERIAL:x}", "certificate_status": "ACTIVE"},
    ),
    Row(
        "serial number is not the subject's",
        RECORD,
        _named(ref("SerialNumber"), "SerialNumber"),
        ("CN=d1", "serialNumber=SN-7"),
        ("serial-number-form-unverified", "subject-serial-number-unused"),
        {"thing_name": str(SERIAL)},
    ),
    Row(
        "serial number declared and never used",
        RECORD,
        _thing("SerialNumber"),
        ("CN=d1",),
        ("serial-number-form-unverified",),
        {"thing_name": "d1", "thing_name_in_hex": None},
    ),
    Row(
        "serial number within a name",
        RECORD,
        _named({"Fn::Join": ["-", ["pump", ref("SerialNumber")]]}, "SerialNumber"),
        ("CN=d1",),
        ("serial-number-form-unverified", "function-unverified"),
        {"thing_name": f"pump-{SERIAL}", "thing_name_in_hex": f"pump-{SERIAL:x}"},
    ),
    Row(
        "certificate id that is not declared",
        RECORD,
        {**_NAME, "Parameters": {_PREFIX + "CommonName": {"Type": "String"}}},
        ("CN=d1",),
        ("certificate-id-undeclared",),
        {"thing_name": "d1", "certificate_status": "ACTIVE"},
    ),
    Row("certificate id", JITP, _named(ref("Id")), ("CN=d1",), (), {}),
    # --- fields that lack ---
    Row(
        "missing field",
        JITP,
        _thing("Country", AttributePayload={"country": ref("Country"), "model": "v1"}),
        ("CN=d1",),
        ("subject-field-missing",),
        {"thing_name": "d1", "attributes": {"model": "v1"}, "missing": (_PREFIX + "Country",)},
    ),
    Row(
        "declared and never used is missing too",
        JITP,
        _thing("Country"),
        ("CN=d1",),
        ("subject-field-missing",),
        {"thing_name": "d1"},
    ),
    Row(
        "empty subject",
        JITP,
        _NAME,
        (),
        ("subject-field-missing",),
        {"thing_name": None, "subject": ""},
    ),
    Row(
        "default",
        TEMPLATES + "#parameters-section",
        template(
            "CommonName",
            defaults={"StateName": "WA"},
            thing={"ThingName": _CN, "ThingTypeName": ref("StateName")},
        ),
        ("CN=d1",),
        ("parameter-default-unverified",),
        {"thing_type": "WA"},
    ),
    Row(
        "the subject goes before the default",
        TEMPLATES + "#parameters-section",
        template(
            "CommonName",
            defaults={"StateName": "WA"},
            thing={"ThingName": _CN, "ThingTypeName": ref("StateName")},
        ),
        ("CN=d1", "ST=OR"),
        (),
        {"thing_type": "OR"},
    ),
    # --- odd subjects ---
    Row(
        "empty value",
        UNDOCUMENTED,
        _thing("OrganizationalUnit", AttributePayload={"unit": ref("OrganizationalUnit")}),
        ("CN=d1", "OU="),
        ("subject-field-empty", "attribute-empty"),
        {"attributes": {"unit": ""}},
    ),
    Row(
        "empty name",
        CREATE_THING,
        _NAME,
        ("CN=",),
        ("thing-name-illegal", "subject-field-empty"),
        {"thing_name": ""},
    ),
    Row(
        "repeated attribute",
        UNDOCUMENTED,
        _named(ref("OrganizationalUnit"), "OrganizationalUnit"),
        ("OU=first", "OU=second"),
        ("subject-field-repeated",),
        {"thing_name": "first"},
    ),
    Row(
        "multi-valued RDN",
        UNDOCUMENTED,
        _NAME,
        ({"CN": "d1", "OU": "u1"},),
        ("subject-field-multi-valued",),
        {"thing_name": "d1"},
    ),
    Row(
        "another field's RDN is multi-valued",
        UNDOCUMENTED,
        _NAME,
        ({"O": "o1", "OU": "u1"}, "CN=d1"),
        (),
        {"thing_name": "d1"},
    ),
    *(
        Row(
            f"{what} keeps its escape",
            document,
            _thing("Organization", AttributePayload={"maker": ref("Organization")}),
            ("CN=d1", f"O={value}"),
            ("attribute-value-illegal", "subject-field-escaped"),
            {"attributes": {"maker": arrives}},
        )
        for what, document, value, arrives in (
            ("equals sign", RECORD, "a=b", "a\\=b"),
            ("comma", UNDOCUMENTED, "Example,Inc.", "Example\\,Inc."),
            ("plus", UNDOCUMENTED, "a+b", "a\\+b"),
            ("semicolon", UNDOCUMENTED, "a;b", "a\\;b"),
            ("less and greater", UNDOCUMENTED, "<a>", "\\<a\\>"),
            ("quote", UNDOCUMENTED, 'a"b', 'a\\"b'),
            ("number sign at the beginning", UNDOCUMENTED, "#a", "\\#a"),
            ("blank at the end", UNDOCUMENTED, "a ", "a\\ "),
        )
    ),
    Row(
        "number sign inside needs no escape",
        UNDOCUMENTED,
        _thing("Organization", AttributePayload={"maker": ref("Organization")}),
        ("CN=d1", "O=a#1"),
        (),
        {"attributes": {"maker": "a#1"}},
    ),
    Row(
        "escaped in a name",
        CREATE_THING,
        _NAME,
        ('CN=a+"b"',),
        ("thing-name-illegal", "subject-field-escaped"),
        {"thing_name": 'a\\+\\"b\\"'},
    ),
    Row(
        "backslash",
        CREATE_THING,
        _NAME,
        ("CN=a\\b",),
        ("thing-name-illegal", "subject-field-escaped"),
        {"thing_name": "a\\\\b"},
    ),
    Row(
        "escaped in a group",
        GROUPS,
        _thing("Organization", ThingGroups=[ref("Organization")]),
        ("CN=d1", "O=a=b"),
        ("thing-group-illegal", "subject-field-escaped"),
        {"thing_groups": ("a\\=b",)},
    ),
    Row(
        "escaped in a type",
        CREATE_THING,
        _thing("Organization", ThingTypeName=ref("Organization")),
        ("CN=d1", "O=a=b"),
        ("thing-type-illegal", "subject-field-escaped"),
        {"thing_type": "a\\=b"},
    ),
    Row(
        "escaped in a policy's name, where the plain character is legal",
        CREATE_POLICY,
        template("Organization", policy={"PolicyName": ref("Organization")}),
        ("O=a=b",),
        ("policy-name-illegal", "subject-field-escaped"),
        engine_differs="it only looks whether such a policy exists",
    ),
    Row(
        "a map's key is met with its escape",
        UNDOCUMENTED,
        _named(
            {"Fn::FindInMap": ["Makers", ref("Organization"), "short"]},
            "Organization",
            mappings={"Makers": {"Example\\, Ltd": {"short": "example"}}},
        ),
        ("O=Example, Ltd",),
        ("subject-field-escaped", "function-unverified", "section-unverified"),
        {"thing_name": "example"},
    ),
    Row(
        "UTF-8",
        ATTRIBUTES,
        _thing("Organization", AttributePayload={"maker": ref("Organization")}),
        ("CN=d1", "O=Müller"),
        ("attribute-value-illegal", "subject-field-not-ascii"),
        {"attributes": {"maker": "Müller"}},
    ),
    Row(
        "UTF-8 digits are not digits",
        CREATE_THING,
        _NAME,
        ("CN=d\u0661",),
        ("thing-name-illegal", "subject-field-not-ascii"),
        {"thing_name": "d\u0661"},
    ),
    Row(
        "blank in the name",
        CREATE_THING,
        _NAME,
        ("CN=Device 1",),
        ("thing-name-illegal",),
        {"thing_name": "Device 1"},
    ),
    Row("colon, hyphen, underscore", CREATE_THING, _NAME, ("CN=a:b-c_D9",), (), {"thing_name": "a:b-c_D9"}),
    Row("longest name", CREATE_THING, _NAME, (f"CN={_LONG[:128]}",), (), {"thing_name": _LONG[:128]}),
    Row(
        "too long a name",
        CREATE_THING,
        _NAME,
        (f"CN={_LONG}",),
        ("thing-name-illegal",),
        {"thing_name": _LONG},
    ),
    Row(
        "line feed at the end",
        CREATE_THING,
        _NAME,
        ("CN=d1\n",),
        ("thing-name-illegal",),
        {"thing_name": "d1\n"},
    ),
    # --- functions ---
    Row(
        "join",
        FUNCTIONS,
        _named({"Fn::Join": ["-", ["pump", _CN, ref("Country")]]}, "CommonName", "Country"),
        ("C=DE", "CN=d1"),
        ("function-unverified",),
        {"thing_name": "pump-d1-DE"},
    ),
    Row(
        "join without delimiter",
        FUNCTIONS,
        _named({"Fn::Join": ["", ["x", _CN]]}, "CommonName"),
        ("CN=d1",),
        ("function-unverified",),
        {"thing_name": "xd1"},
    ),
    Row(
        "select of split",
        FUNCTIONS,
        _named({"Fn::Select": ["1", {"Fn::Split": ["/", _CN]}]}, "CommonName"),
        ("CN=site/d7",),
        ("function-unverified",),
        {"thing_name": "d7"},
    ),
    Row(
        "select with a number",
        FUNCTIONS,
        _named({"Fn::Select": [0, ["a", _CN]]}, "CommonName"),
        ("CN=d1",),
        ("function-unverified",),
        {"thing_name": "a"},
    ),
    Row(
        "select out of bounds",
        FUNCTIONS,
        _named({"Fn::Select": ["1", {"Fn::Split": ["/", _CN]}]}, "CommonName"),
        ("CN=d7",),
        ("function-failed", "function-unverified"),
        {"thing_name": None},
    ),
    Row(
        "select below zero",
        FUNCTIONS,
        _named({"Fn::Select": ["-1", ["a", "b"]]}, "CommonName"),
        ("CN=d7",),
        ("function-failed", "function-unverified"),
        {"thing_name": None},
        refused="UnknownFunctionError",
    ),
    Row(
        "select of null",
        FUNCTIONS,
        _named({"Fn::Select": [0, [None, "b"]]}, "CommonName"),
        ("CN=d7",),
        ("function-failed", "function-unverified"),
        {"thing_name": None},
        refused="UnknownFunctionError",
    ),
    Row(
        "find in map",
        FUNCTIONS,
        _named(
            {"Fn::Join": ["-", [{"Fn::FindInMap": ["Sites", ref("Country"), "site"]}, _CN]]},
            "CommonName",
            "Country",
            mappings={"Sites": {"DE": {"site": "berlin"}}},
        ),
        ("C=DE", "CN=d1"),
        ("function-unverified", "section-unverified"),
        {"thing_name": "berlin-d1"},
    ),
    Row(
        "key not in map",
        FUNCTIONS,
        _named(
            {"Fn::FindInMap": ["Sites", ref("Country"), "site"]},
            "Country",
            mappings={"Sites": {"DE": {"site": "berlin"}}},
        ),
        ("C=FR",),
        ("function-failed", "function-unverified", "section-unverified"),
        {"thing_name": None},
    ),
    Row(
        "sub",
        FUNCTIONS,
        _named({"Fn::Sub": f"pump-${{{_PREFIX}CommonName}}"}, "CommonName"),
        ("CN=d1",),
        ("function-unverified",),
        {"thing_name": "pump-d1"},
    ),
    Row(
        "sub with names of its own",
        FUNCTIONS,
        _named({"Fn::Sub": ["${Name}_${Site}", {"Name": _CN, "Site": "s1"}]}, "CommonName"),
        ("CN=d1",),
        ("function-unverified",),
        {"thing_name": "d1_s1"},
    ),
    Row(
        "sub does not look into what it put in",
        FUNCTIONS,
        _named({"Fn::Sub": f"${{{_PREFIX}CommonName}}"}, "CommonName"),
        ("CN=${x}",),
        ("thing-name-illegal", "function-unverified"),
        {"thing_name": "${x}"},
    ),
    Row(
        "function over a missing field",
        JITP,
        _named({"Fn::Join": ["-", [_CN, ref("Country")]]}, "CommonName", "Country"),
        ("CN=d1",),
        ("subject-field-missing", "function-unverified"),
        {"thing_name": None},
    ),
    # --- the thing ---
    Row(
        "thing of AWS's example",
        JITP,
        _thing(
            "SerialNumber",
            "Country",
            AttributePayload={"version": "v1", "serialNumber": ref("SerialNumber")},
            ThingTypeName="lightBulb-versionA",
            ThingGroups=["v1-lightbulbs", ref("Country")],
        ),
        ("C=US", "CN=d1"),
        ("serial-number-form-unverified",),
        {
            "thing_name": "d1",
            "attributes": {"version": "v1", "serialNumber": str(SERIAL)},
            "thing_type": "lightBulb-versionA",
            "thing_groups": ("v1-lightbulbs", "US"),
        },
    ),
    Row("billing group", TEMPLATES, _thing(BillingGroup="bulbs"), ("CN=d1",), (), {"billing_group": "bulbs"}),
    Row("no thing", TEMPLATES, template(), ("CN=d1",), (), {"makes_thing": False, "thing_name": None}),
    Row(
        "three attributes without a type",
        THING_TYPES,
        _thing(AttributePayload={"a": "1", "b": "2", "c": "3"}),
        ("CN=d1",),
        (),
        {"attributes": {"a": "1", "b": "2", "c": "3"}},
    ),
    Row(
        "four attributes without a type",
        THING_TYPES,
        _thing(AttributePayload={"a": "1", "b": "2", "c": "3", "d": "4"}),
        ("CN=d1",),
        ("attributes-too-many",),
        refused="ImpossibleValueError",
    ),
    Row(
        "fifty attributes with a type",
        THING_TYPES,
        _thing(AttributePayload={f"a{n}": "1" for n in range(50)}, ThingTypeName="t"),
        ("CN=d1",),
        (),
    ),
    Row(
        "fifty-one attributes with a type",
        THING_TYPES,
        _thing(AttributePayload={f"a{n}": "1" for n in range(51)}, ThingTypeName="t"),
        ("CN=d1",),
        ("attributes-too-many",),
        refused="ImpossibleValueError",
    ),
    Row(
        "attribute names",
        ATTRIBUTES,
        _thing(AttributePayload={"a_.,@/:#-": "1", "no blanks": "1"}),
        ("CN=d1",),
        ("attribute-name-illegal",),
        refused="ImpossibleValueError",
    ),
    Row(
        "attribute value with a blank",
        ATTRIBUTES,
        _thing("Organization", AttributePayload={"maker": ref("Organization")}),
        ("CN=d1", "O=Example Inc"),
        ("attribute-value-illegal",),
        {"attributes": {"maker": "Example Inc"}},
    ),
    Row(
        "longest attribute value",
        ATTRIBUTES,
        _thing(AttributePayload={"a": "v" * 800}),
        ("CN=d1",),
        (),
    ),
    Row(
        "too long an attribute value",
        ATTRIBUTES,
        _thing(AttributePayload={"a": "v" * 801}),
        ("CN=d1",),
        ("attribute-value-illegal",),
        refused="ImpossibleValueError",
    ),
    Row(
        "attribute value that only the SDKs allow",
        ATTRIBUTES,
        _thing(AttributePayload={"a": "k=[v]"}),
        ("CN=d1",),
        ("attribute-value-unverified",),
    ),
    Row(
        "attributes one object too deep",
        ATTRIBUTES,
        _thing(AttributePayload={"attributes": {"a": "1"}}),
        ("CN=d1",),
        ("attribute-not-text",),
        {"attributes": {}},
        engine_differs="it passes objects on and leaves the registry to refuse them",
        refused="ImpossibleValueError",
    ),
    Row(
        "attribute that is a number",
        UNDOCUMENTED,
        _thing(AttributePayload={"a": 1}),
        ("CN=d1",),
        ("attribute-number",),
        {"attributes": {"a": "1"}},
        engine_differs="it passes numbers on",
    ),
    Row(
        "illegal thing type",
        CREATE_THING,
        _thing("Organization", ThingTypeName=ref("Organization")),
        ("CN=d1", "O=Example Inc"),
        ("thing-type-illegal",),
        {"thing_type": "Example Inc"},
    ),
    Row(
        "illegal group",
        GROUPS,
        _thing("Organization", ThingGroups=[ref("Organization")]),
        ("CN=d1", "O=Example Inc"),
        ("thing-group-illegal",),
        {"thing_groups": ("Example Inc",)},
    ),
    Row("ten groups", GROUPS, _thing(ThingGroups=[f"g{n}" for n in range(10)]), ("CN=d1",), ()),
    Row(
        "eleven groups",
        GROUPS,
        _thing(ThingGroups=[f"g{n}" for n in range(11)]),
        ("CN=d1",),
        ("thing-groups-too-many",),
        refused="ImpossibleValueError",
    ),
    Row("a group twice", GROUPS, _thing(ThingGroups=["g", "g"]), ("CN=d1",), ("thing-group-repeated",)),
    Row(
        "groups by a function",
        FUNCTIONS,
        _thing("OrganizationalUnit", ThingGroups={"Fn::Split": [".", ref("OrganizationalUnit")]}),
        ("CN=d1", "OU=north.pumps"),
        ("function-unverified",),
        {"thing_groups": ("north", "pumps")},
    ),
    Row(
        "groups that are text",
        TEMPLATES,
        _thing(ThingGroups="g"),
        ("CN=d1",),
        ("thing-groups-not-a-list",),
        {"thing_groups": ()},
        engine_differs="it takes the letters of the text for groups",
        refused="ImpossibleValueError",
    ),
    # --- certificate and policy ---
    Row(
        "status in any case",
        TEMPLATES,
        template(status="Active"),
        ("CN=d1",),
        (),
        {"certificate_status": "ACTIVE"},
    ),
    Row(
        "inactive",
        TEMPLATES,
        template(status="INACTIVE"),
        ("CN=d1",),
        ("certificate-inactive",),
        {"certificate_status": "INACTIVE"},
    ),
    Row(
        "no status",
        TEMPLATES + "#certificate-resources",
        template(without_status=True),
        ("CN=d1",),
        ("certificate-status-unstated",),
        {"certificate_status": "ACTIVE"},
    ),
    Row(
        "status by a field that the subject lacks",
        JITP,
        template("OrganizationalUnit", status=ref("OrganizationalUnit")),
        ("CN=d1",),
        ("subject-field-missing",),
        {"certificate_status": "PENDING_ACTIVATION"},
    ),
    Row(
        "status by a field",
        TEMPLATES,
        template("OrganizationalUnit", status=ref("OrganizationalUnit")),
        ("OU=retired",),
        ("certificate-status-unknown",),
        {"certificate_status": "PENDING_ACTIVATION"},
        engine_differs="it does not look at the status",
    ),
    Row(
        "policy by name",
        TEMPLATES,
        template("OrganizationalUnit", policy={"PolicyName": ref("OrganizationalUnit")}),
        ("OU=pumps@north",),
        (),
        {"policies": (("pumps@north", None),)},
    ),
    Row(
        "illegal policy name",
        CREATE_POLICY,
        template("OrganizationalUnit", policy={"PolicyName": ref("OrganizationalUnit")}),
        ("OU=the pumps",),
        ("policy-name-illegal",),
        engine_differs="it only looks whether such a policy exists",
    ),
    Row(
        "policy document by a function, with a policy variable",
        FUNCTIONS,
        template("CommonName", thing={"ThingName": _CN}, policy={"PolicyDocument": _DOCUMENT_OF_CN}),
        ("CN=d1",),
        ("function-unverified",),
        {
            "policies": ((None, POLICY.replace('"*"', '"client/d1/${iot:Connection.Thing.ThingName}"')),),
            "variables": ("iot:Connection.Thing.ThingName",),
        },
    ),
    Row(
        "a comma's escape breaks the document",
        FUNCTIONS,
        template("CommonName", thing={"ThingName": ref("Id")}, policy={"PolicyDocument": _DOCUMENT_OF_CN}),
        ("CN=d,1",),
        ("policy-document-no-json", "subject-field-escaped", "function-unverified"),
        {"policies": ()},
    ),
    Row(
        "a quote's escape is JSON's too",
        FUNCTIONS,
        template("CommonName", thing={"ThingName": ref("Id")}, policy={"PolicyDocument": _DOCUMENT_OF_CN}),
        ('CN=d"1',),
        ("subject-field-escaped", "function-unverified"),
        {
            "policies": ((None, POLICY.replace('"*"', '"client/d\\"1/${iot:Connection.Thing.ThingName}"')),),
        },
    ),
    Row(
        "longest policy document, without white space",
        CREATE_POLICY,
        template(policy={"PolicyDocument": _JUST_FITS}),
        ("CN=d1",),
        (),
    ),
    Row(
        "too long a policy document",
        CREATE_POLICY,
        template(policy={"PolicyDocument": _TOO_LONG}),
        ("CN=d1",),
        ("policy-document-too-long",),
        refused="PolicyDocumentError",
    ),
    Row("no policy", TEMPLATES, template(without_policy=True), ("CN=d1",), ("no-policy",), {"policies": ()}),
    Row(
        "policy variable of a field that the subject lacks",
        VARIABLES,
        template(policy={"PolicyDocument": POLICY.replace('"*"', '"${iot:Certificate.Subject.Country}"')}),
        ("CN=d1",),
        ("policy-variable-empty",),
        {"variables": ("iot:Certificate.Subject.Country",)},
    ),
    Row(
        "policy variable of a field that the subject has",
        VARIABLES,
        template(
            policy={"PolicyDocument": POLICY.replace('"*"', '"${iot:Certificate.Subject.CommonName.1}"')}
        ),
        ("CN=d1",),
        (),
    ),
    Row(
        "thing variable without a thing",
        GUIDE + "thing-policy-variables.html",
        template(policy={"PolicyDocument": POLICY.replace('"*"', '"${iot:Connection.Thing.ThingName}"')}),
        ("CN=d1",),
        ("policy-variable-empty",),
    ),
    Row(
        "variable of an attribute that the thing lacks",
        GUIDE + "thing-policy-variables.html",
        template(
            "CommonName",
            thing={"ThingName": _CN, "AttributePayload": {"site": "s1"}},
            policy={"PolicyDocument": POLICY.replace('"*"', '"${iot:Connection.Thing.Attributes[envType]}"')},
        ),
        ("CN=d1",),
        ("policy-variable-empty",),
    ),
    Row(
        "variable of an attribute that the thing has",
        GUIDE + "thing-policy-variables.html",
        template(
            "CommonName",
            thing={"ThingName": _CN, "AttributePayload": {"envType": "s1"}},
            policy={
                "PolicyDocument": POLICY.replace('"*"', '"${iot:Connection.Thing.Attributes[envType]}/${*}"')
            },
        ),
        ("CN=d1",),
        (),
        {"variables": ("iot:Connection.Thing.Attributes[envType]",)},
    ),
    # --- what no device can escape ---
    *(
        Row(name, document, made, ("CN=d1",), codes, refused=refused, engine_differs=differs)
        for name, document, made, codes, refused, differs in (
            (
                "attribute with a blank",
                ATTRIBUTES,
                _thing(AttributePayload={"model": "Light Bulb v1"}),
                ("attribute-value-illegal",),
                "ImpossibleValueError",
                "",
            ),
            (
                "name with a literal blank around a field",
                CREATE_THING,
                _named({"Fn::Join": [" ", ["pump", _CN]]}, "CommonName"),
                ("thing-name-illegal", "function-unverified"),
                "ImpossibleValueError",
                "",
            ),
            (
                "empty thing type",
                CREATE_THING,
                _thing(ThingTypeName=""),
                ("thing-type-illegal",),
                "ImpossibleValueError",
                "",
            ),
            (
                "function in upper case",
                FUNCTIONS,
                _thing(ThingTypeName={"REF": _PREFIX + "CommonName"}),
                ("thing-type-not-text",),
                "ImpossibleValueError",
                "it passes objects on",
            ),
            (
                "groups by a Ref, which is text",
                FUNCTIONS,
                _thing("Country", ThingGroups=ref("CommonName")),
                ("thing-groups-not-a-list", "subject-field-missing"),
                "ImpossibleValueError",
                "",
            ),
            (
                "empty policy name",
                CREATE_POLICY,
                template(policy={"PolicyName": ""}),
                ("policy-name-illegal",),
                "ImpossibleValueError",
                "it only looks whether such a policy exists",
            ),
            (
                "a key that no map has",
                FUNCTIONS,
                _named(
                    {"Fn::FindInMap": ["Sites", _CN, "city"]},
                    "CommonName",
                    mappings={"Sites": {"d1": {"a": "b"}}},
                ),
                ("function-failed", "function-unverified", "section-unverified"),
                "UnknownFunctionError",
                "",
            ),
            (
                "a policy with one key twice",
                UNDOCUMENTED,
                template(policy={"PolicyDocument": POLICY[:-1] + ',"Statement":[]}'}),
                ("policy-document-no-json",),
                "PolicyDocumentError",
                "it takes the last of the two",
            ),
        )
    ),
    # --- what else a template may have ---
    Row(
        "package versions",
        TEMPLATES,
        _thing(PackageVersions={"firmware": "1.0.0"}),
        ("CN=d1",),
        (),
        {"package_versions": {"firmware": "1.0.0"}},
    ),
    Row(
        "illegal package version",
        PACKAGES,
        _thing("Organization", PackageVersions={"firmware": ref("Organization")}),
        ("CN=d1", "O=a b"),
        ("package-version-illegal",),
        {"package_versions": {}},
        engine_differs="it knows no package versions",
    ),
    Row(
        "device configuration",
        GUIDE + "provision-template.html#fleet-provision-template",
        {**_NAME, "DeviceConfiguration": {"site": "north"}},
        ("CN=d1",),
        ("section-unverified",),
        {"thing_name": "d1"},
    ),
    Row(
        "policy document as an object",
        GUIDE + "provision-template.html#fleet-provision-template",
        template(policy={"PolicyDocument": json.loads(POLICY)}),
        ("CN=d1",),
        (),
        {"policies": ((None, POLICY),)},
    ),
    *(
        Row(
            f"a policy that allows everything, by {how}",
            GUIDE + "security-best-practices.html",
            template(
                policy={"PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": statement})}
            ),
            ("CN=d1",),
            codes,
        )
        for how, statement, codes in (
            ("iot:*", {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}, ("policy-allows-everything",)),
            ("a star", {"Effect": "Allow", "Action": "*", "Resource": "*"}, ("policy-allows-everything",)),
            (
                "lists",
                [{"Effect": "Allow", "Action": ["IOT:*"], "Resource": ["x", "arn:aws:iot:*"]}],
                ("policy-allows-everything",),
            ),
            (
                "NotAction",
                {"Effect": "Allow", "NotAction": "iot:DeleteThingShadow", "Resource": "**"},
                ("policy-allows-everything",),
            ),
            (
                "one statement an action",
                [
                    {
                        "Effect": "Allow",
                        "Action": f"iot:{action}",
                        "Resource": f"arn:aws:iot:us-east-1:111111111111:{kind}/*",
                    }
                    for action, kind in (
                        ("Connect", "client"),
                        ("Publish", "topic"),
                        ("Receive", "topic"),
                        ("Subscribe", "topicfilter"),
                    )
                ],
                ("policy-allows-everything",),
            ),
            (
                "no: own topics",
                {"Effect": "Allow", "Action": "iot:*", "Resource": "arn:aws:iot:*:*:topic/a/*"},
                (),
            ),
            ("no: one action", {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}, ()),
            ("no: a denial", {"Effect": "Deny", "Action": "iot:*", "Resource": "*"}, ()),
        )
    ),
)
