/** What a row of the list is tested with. */
export interface RowCases {
  /** Manifests that the row has no objection to, nor any other rule. */
  readonly good: readonly string[];
  /** `E MESH_CODE` (IST0106) or `W MESH_CODE` (IST0133), or with another code of Istio `W IST0130 MESH_CODE`; and a manifest that earns it. */
  readonly bad: readonly (readonly [string, string])[];
}

export type Cases = Readonly<Record<string, RowCases>>;

export const object = (kind: string, spec: string, group = 'networking.istio.io/v1', metadata = '', name = 'it'): string => (
  `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: ${name}${metadata}}\nspec: ${spec}\n---\n`);

export const security = (kind: string, spec: string, metadata = ''): string => object(kind, spec, 'security.istio.io/v1', metadata);
export const virtualService = (spec: string): string => object('VirtualService', spec);
export const TO_WEB = 'route: [{destination: {host: web}}]';
/** A VirtualService of one HTTP rule for sidecars. */
export const http = (rule: string): string => virtualService(`{hosts: [web], http: [{${rule}}]}`);
/** The same with a route. */
export const routed = (rule: string): string => http(`${rule}, ${TO_WEB}`);
export const matched = (match: string): string => routed(`match: [{${match}}]`);
export const policy = (text: string, host = 'web'): string => object('DestinationRule', `{host: ${host}, trafficPolicy: {${text}}}`);

/** Selector of the service's Pods. */
export const WEB = 'selector: {matchLabels: {app: web}}';

/** What every policy says of its target. */
export const targets = (make: (target: string) => string): RowCases => ({
  good: [make(WEB), make('targetRefs: [{kind: Service, name: web}]'), make('targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]')],
  bad: [
    ['E MESH_FIELD_EXCLUSIVE', make(`${WEB}, targetRefs: [{kind: Service, name: web}]`)],
    ['E MESH_FIELD_EXCLUSIVE', make(`${WEB}, targetRef: {kind: Service, name: web}`)],
    ['E MESH_FIELD_EXCLUSIVE', make('targetRef: {kind: Service, name: web}, targetRefs: [{kind: Service, name: web}]')],
    ['E MESH_TARGET_REF_INVALID', make('targetRefs: [{kind: Service, name: ""}]')],
    ['E MESH_TARGET_REF_INVALID', make('targetRefs: [{kind: Service, name: web, namespace: other}]')],
    ['E MESH_TARGET_REF_INVALID', make('targetRefs: [{kind: Deployment, group: apps, name: web}]')],
    ['E MESH_SELECTOR_INVALID', make('selector: {matchLabels: {app: "w*"}}')],
    ['W MESH_SELECTOR_EMPTY', make('selector: {matchLabels: {}}')],
  ],
});

/** A MeshConfig that registers the provider `asked`. */
export const PROVIDER = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: "extensionProviders: [{name: asked, envoyExtAuthzHttp: {service: web.default.svc.cluster.local, port: 80}}]"}\n---\n';

/** A mesh in which nothing is wrong: two services of HTTP, one of TCP, a gateway of an installation. */
export const MESH = [
  object('Service', '{ports: [{port: 80, name: http}], selector: {app: web}}', 'v1', '', 'web'),
  object('Pod', '{serviceAccountName: web, containers: [{name: a, ports: [{containerPort: 80}]}]}', 'v1', ', labels: {app: web, version: v1}', 'web-1'),
  object('Service', '{ports: [{port: 80, name: http}], selector: {app: back}}', 'v1', '', 'back'),
  object('Pod', '{serviceAccountName: back, containers: [{name: a, ports: [{containerPort: 80}]}]}', 'v1', ', labels: {app: back}', 'back-1'),
  object('Service', '{ports: [{port: 5432, name: tcp}], selector: {app: db}}', 'v1', '', 'db'),
  object('Pod', '{serviceAccountName: db, containers: [{name: a, ports: [{containerPort: 5432}]}]}', 'v1', ', labels: {app: db}', 'db-1'),
  object('Gateway', '{selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example"]}, '
    + '{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: ["*.passed"]}]}', undefined, '', 'edge'),
].join('');
