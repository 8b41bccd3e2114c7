// Gateways.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function GatewaysScreen(_: ScreenProps) {
  return (
    <Screen title="Gateways">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
