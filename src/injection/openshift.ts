import type { Field } from './field';

/** OpenShift's DeploymentConfig, the one workload that is not Kubernetes' own. What its strategy does besides is passed on as it is. */
export const OPENSHIFT: Readonly<Record<string, readonly Field[]>> = {
  DeploymentConfig: [
    ['kind', 'string'], ['apiVersion', 'string'], ['metadata', 'ObjectMeta', 'zero'], ['spec', 'DeploymentConfigSpec', 'zero'], ['status', 'DeploymentConfigStatus', 'zero'],
  ],
  DeploymentConfigSpec: [
    ['strategy', 'DeploymentConfigStrategy', 'zero'], ['minReadySeconds', 'int'], ['triggers', '[]DeploymentConfigTrigger', 'null'], ['replicas', 'int', 'zero'],
    ['revisionHistoryLimit', '*int'], ['test', 'bool', 'zero'], ['paused', 'bool'], ['selector', '{}string'], ['template', '*PodTemplateSpec'],
  ],
  DeploymentConfigStatus: [
    ['latestVersion', 'int', 'zero'], ['observedGeneration', 'int', 'zero'], ['replicas', 'int', 'zero'], ['updatedReplicas', 'int', 'zero'],
    ['availableReplicas', 'int', 'zero'], ['unavailableReplicas', 'int', 'zero'], ['details', '*any'], ['conditions', '[]any'], ['readyReplicas', 'int'],
  ],
  DeploymentConfigStrategy: [
    ['type', 'string'], ['customParams', '*any'], ['recreateParams', '*any'], ['rollingParams', '*any'], ['resources', 'ResourceRequirements', 'zero'],
    ['labels', '{}string'], ['annotations', '{}string'], ['activeDeadlineSeconds', '*int'],
  ],
  DeploymentConfigTrigger: [['type', 'string'], ['imageChangeParams', '*DeploymentConfigImageTrigger']],
  DeploymentConfigImageTrigger: [['automatic', 'bool'], ['containerNames', '[]string'], ['from', 'ObjectReference', 'zero'], ['lastTriggeredImage', 'string']],
};
