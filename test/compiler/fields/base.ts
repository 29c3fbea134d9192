/** A mesh in which every field of every kind has something to act on. */
export const BASE = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, clusterIP: 10.96.1.1, ports: [{ name: http, port: 8000, targetPort: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: stock, namespace: shop }
spec:
  selector: { app: stock }
  clusterIP: 10.96.1.2
  ports: [{ name: http, port: 8000, targetPort: 8080 }, { name: grpc, port: 8500 }, { name: tcp-db, port: 5432 }, { name: tls, port: 8443 }, { name: tcp-other, port: 5433 }]
---
apiVersion: v1
kind: Service
metadata: { name: depot, namespace: other }
spec: { selector: { app: depot }, clusterIP: 10.96.1.3, ports: [{ name: http, port: 8000 }, { name: tcp, port: 5432 }] }
---
apiVersion: v1
kind: Service
metadata: { name: ingress, namespace: shop }
spec: { selector: { istio: ingressgateway }, clusterIP: 10.96.1.4, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: cart, namespace: shop, labels: { app: cart, security.istio.io/tlsMode: istio, istio-locality: north.a.2 } }
spec: { serviceAccountName: cart, containers: [{ name: app, image: x }] }
status: { podIP: 10.244.0.1, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: stock-v1, namespace: shop, labels: { app: stock, version: v1, security.istio.io/tlsMode: istio, istio-locality: north.a.1 } }
spec: { serviceAccountName: stock, containers: [{ name: app, image: x }] }
status: { podIP: 10.244.0.2, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: stock-v2, namespace: shop, labels: { app: stock, version: v2, istio-locality: south.b.1 } }
spec: { serviceAccountName: stock, containers: [{ name: app, image: x }] }
status: { podIP: 10.244.0.3, conditions: [{ type: Ready, status: 'False' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: stock-south, namespace: shop, labels: { app: stock, version: v1, istio-locality: south.b.1 } }
spec: { serviceAccountName: stock, containers: [{ name: app, image: x }] }
status: { podIP: 10.244.0.6, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: stock-west, namespace: shop, labels: { app: stock, version: v1, istio-locality: west.c.1 } }
spec: { serviceAccountName: stock, containers: [{ name: app, image: x }] }
status: { podIP: 10.244.0.7, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: depot, namespace: other, labels: { app: depot, security.istio.io/tlsMode: istio } }
spec: { containers: [{ name: app, image: x }] }
status: { podIP: 10.244.0.4, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: ingress, namespace: shop, labels: { istio: ingressgateway } }
spec: { containers: [{ name: istio-proxy, image: x }] }
status: { podIP: 10.244.0.5, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: vm, namespace: shop }
spec: { address: 10.3.0.1, labels: { app: vm } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gate, namespace: shop }
spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }, { port: { number: 5432, name: tcp, protocol: TCP }, hosts: ['*'] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: via-gate, namespace: shop }
spec: { hosts: ['*'], gateways: [gate, secure], http: [{ route: [{ destination: { host: stock, port: { number: 8000 } } }] }], tcp: [{ route: [{ destination: { host: stock, port: { number: 5432 } } }] }] }
`;

/** Two versions of `stock`, for what is said of subsets. */
export const SUBSETS = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: to-subset, namespace: shop }
spec: { hosts: [stock], http: [{ route: [{ destination: { host: stock, subset: v1, port: { number: 8000 } } }] }], tcp: [{ match: [{ port: 5432 }], route: [{ destination: { host: stock, subset: v1, port: { number: 5432 } } }] }] }
`;
