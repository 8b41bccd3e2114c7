// Audit.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function AuditScreen(_: ScreenProps) {
  return (
    <Screen title="Audit">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
